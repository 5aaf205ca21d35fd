using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests.Tables;

public sealed class TextTableTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Quoted_cells_keep_delimiters_and_line_breaks()
    {
        var t = TextTable.Read(_folder.Write("c.csv", "patient,note\nP1,\"two, \"\"quoted\"\"\nlines\"\nP2, plain \n"));
        Assert.Equal(["two, \"quoted\"\nlines", "plain"], t.Require("note"));
    }

    [Fact]
    public void A_stray_quote_in_a_tab_separated_cell_is_text()
    {
        var t = TextTable.Read(_folder.Write("c.tsv", "id\tsize\nP1\t5\" wide\nP2\t3\n"));
        Assert.Equal(["5\" wide", "3"], t.Require("size"));
    }

    [Fact]
    public void Kinds_are_inferred_column_by_column()
    {
        var frame = TextTable.Read(_folder.Write("c.csv",
            "id,age,score,alive,sex,note,code,gap,empty,open,big\n"
            + "P1,61,1.5,True,m,first,007,3,,TRUE,9223372036854775808\n"
            + "P2,48,NA,false,f,second,008,,NA,,1\n"
            + "P3,70,1e-3,TRUE,m,third,009,5,'--,false,2\n")).ToDataFrame();
        Assert.Equal(["P1", "P2", "P3"], frame.Index);
        Assert.Equal(new long[] { 61, 48, 70 }, Assert.IsType<NumericColumn>(frame["age"]).Values);
        Assert.Equal(new[] { 1.5, double.NaN, 0.001 }, Assert.IsType<NumericColumn>(frame["score"]).Values);
        Assert.Equal([true, false, true], Assert.IsType<BooleanColumn>(frame["alive"]).Values);
        Assert.Equal(["f", "m"], Assert.IsType<CategoricalColumn>(frame["sex"]).Categories);
        Assert.Equal<IEnumerable<string?>>(["first", "second", "third"], Assert.IsType<StringColumn>(frame["note"]).Values);
        Assert.Equal<IEnumerable<string?>>(["007", "008", "009"], Assert.IsType<StringColumn>(frame["code"]).Values);
        Assert.Equal(new[] { 3, double.NaN, 5 }, Assert.IsType<NumericColumn>(frame["gap"]).Values);
        Assert.Equal(new[] { double.NaN, double.NaN, double.NaN }, Assert.IsType<NumericColumn>(frame["empty"]).Values);
        Assert.Equal<IEnumerable<string?>>(["True", null, "False"], Assert.IsType<CategoricalColumn>(frame["open"]).ToText());
        Assert.Equal(new[] { 9223372036854775808.0, 1, 2 }, Assert.IsType<NumericColumn>(frame["big"]).Values);
    }

    [Fact]
    public void A_written_data_frame_reads_back_with_the_same_kinds()
    {
        var frame = new DataFrame(["r1", "r2", "r3"], "row");
        frame.Set("whole", new long[] { 1, -2, 3 });
        frame.Set("real", new[] { 0.1, double.NaN, 1e300 });
        frame.Set("truth", new[] { true, false, true });
        frame["label"] = CategoricalColumn.FromLabels(["x", null, "y, z"]);
        CsvFile.From(frame).Write(_folder["f.csv"]);
        Assert.Equal("row,whole,real,truth,label\nr1,1,0.1,True,x\nr2,-2,,False,\nr3,3,1E+300,True,\"y, z\"\n", File.ReadAllText(_folder["f.csv"]));
        var back = TextTable.Read(_folder["f.csv"]).ToDataFrame();
        Assert.Equal("row", back.IndexName);
        foreach (string c in frame.ColumnNames)
        {
            Assert.IsType(frame[c].GetType(), back[c]);
            Assert.Equal((IEnumerable<string?>)frame[c].ToText(), (IEnumerable<string?>)back[c].ToText());
        }
    }

    [Theory]
    [InlineData("id,a,a\nP1,1,2\n", "the column 'a' occurs twice")]
    [InlineData("id,a\nP1,1,2,3\n", "line 2 has 4 fields")]
    [InlineData("\n\n", "holds no table")]
    [InlineData("", "is empty")]
    public void Damage_is_named(string text, string what) =>
        Assert.Contains(what, Assert.Throws<InputException>(() => TextTable.Read(_folder.Write("c.csv", text))).Message);

    [Fact]
    public void A_missing_column_lists_those_there_are()
    {
        var t = TextTable.Read(_folder.Write("c.csv", "id,time\nP1,1\n"));
        Assert.Contains("no column 'event'; it has 'id', 'time'", Assert.Throws<InputException>(() => t.Require("event")).Message);
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file()
    {
        string path = _folder.Write("out.csv", "old");
        var file = new CsvFile().Add("a", new Failing());
        Assert.Throws<InvalidTimeZoneException>(() => file.Write(path));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    private sealed class Failing : System.Collections.ObjectModel.ReadOnlyCollection<int>, IReadOnlyList<int>
    {
        public Failing() : base([1, 2, 3]) { }

        int IReadOnlyList<int>.this[int index] => index < 2 ? index : throw new InvalidTimeZoneException();
    }
}
