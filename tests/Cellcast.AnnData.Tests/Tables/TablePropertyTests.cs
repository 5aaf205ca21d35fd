using System.Globalization;
using System.Text;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.AnnData.Tests.Tables;

public sealed class TablePropertyTests : IDisposable
{
    private const int Cases = 200;
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly Gen<string> s_cell = Gen.Elements("a", "B", "\"", ",", "\t", "\n", "\r\n", " ", "é", "細胞", "#", "'", "0", "x;y", "\\")
        .ListOf().Select(parts => string.Concat(parts));

    [Fact]
    public void Any_text_survives_writing_and_reading()
    {
        // Reading trims blanks around cells, so texts are compared as trimmed.
        var tables = from rows in Gen.Choose(1, 6)
                     from columns in Gen.Choose(1, 5)
                     from cells in s_cell.ArrayOf(rows * columns)
                     from name in Gen.Elements("t.csv", "t.tsv", "t.csv.gz")
                     select (rows, columns, cells, name);
        RandomCases.Check(Cases, Prop.ForAll(tables.ToArbitrary(), t =>
        {
            var file = new CsvFile();
            for (int c = 0; c < t.columns; c++) file.Add("column " + c, t.cells[(c * t.rows)..((c + 1) * t.rows)]);
            file.Write(_folder[t.name]);
            var back = TextTable.Read(_folder[t.name], t.name == "t.tsv" ? '\t' : ',');
            return back.Rows == t.rows && Enumerable.Range(0, t.columns).All(c =>
                back.Columns[c].SequenceEqual(t.cells[(c * t.rows)..((c + 1) * t.rows)].Select(v => v.Trim())));
        }));
    }

    [Fact]
    public void Every_double_and_float_reads_back_to_the_same_bits()
    {
        RandomCases.Check(Cases, Prop.ForAll<double[], float[]>((d, f) =>
        {
            foreach (double v in d.Where(double.IsFinite))
                if (!Parse(CsvFile.Text(v)).Equals(v)) return false;
            foreach (float v in f.Where(float.IsFinite))
                if (!((float)Parse(CsvFile.Text(v))).Equals(v)) return false;
            return true;
        }));

        static double Parse(string? text)
        {
            Assert.True(Utf8Number.TryParse(Encoding.ASCII.GetBytes(text!), out double v, out _), text);
            return v;
        }
    }

    [Fact]
    public void Written_decimals_parse_as_the_framework_parses_them()
    {
        var texts = from whole in Gen.Choose(0, int.MaxValue)
                    from fraction in Gen.Choose(0, int.MaxValue)
                    from digits in Gen.Choose(0, 9)
                    from sign in Gen.Elements("", "-")
                    select digits == 0 ? $"{sign}{whole}" : $"{sign}{whole}.{fraction % (int)Math.Pow(10, digits):D9}"[..^(9 - digits)];
        RandomCases.Check(2000, Prop.ForAll(texts.ToArbitrary(), text =>
            Utf8Number.TryParse(Encoding.ASCII.GetBytes(text), out double v, out int decimals)
            && v.Equals(double.Parse(text, CultureInfo.InvariantCulture))
            && decimals == (text.Contains('.') ? text.Length - text.IndexOf('.') - 1 : 0)));
    }

    [Fact]
    public void Counts_survive_either_way_round()
    {
        var tables = from genes in Gen.Choose(1, 8)
                     from samples in Gen.Choose(1, 8)
                     from counts in Gen.OneOf(Gen.Constant(0), Gen.Choose(0, 1 << 24)).ArrayOf(genes * samples)
                     from flip in Gen.Elements(true, false)
                     select (genes, samples, counts, flip);
        RandomCases.Check(Cases, Prop.ForAll(tables.ToArbitrary(), t =>
        {
            var data = new AnnotatedData(
                new DataFrame([.. Enumerable.Range(0, t.samples).Select(i => $"patient_{i}")]),
                new DataFrame([.. Enumerable.Range(0, t.genes).Select(i => $"GENE{i}")]),
                SparseMatrix.FromDense(t.samples, t.genes, Array.ConvertAll(t.counts, c => (float)c)));
            CountTableWriter.Write(_folder["c.csv"], data, t.flip ? TableOrientation.GenesInRows : TableOrientation.SamplesInRows);
            var back = CountTable.Read(_folder["c.csv"]);
            return back.Obs.Index.SequenceEqual(data.Obs.Index) && back.Var.Index.SequenceEqual(data.Var.Index)
                && back.X!.ToSparse().ToDense().SequenceEqual(data.X!.ToSparse().ToDense());
        }));
    }

    [Fact]
    public void Names_made_unique_are_unique_and_the_first_of_each_stays()
    {
        var names = Gen.Elements("A", "B", "A-1", "A-2", "B-1").ArrayOf();
        RandomCases.Check(Cases, Prop.ForAll(names.ToArbitrary(), n =>
        {
            string[] unique = UniqueNames.Make(n);
            return unique.Distinct().Count() == n.Length && n.Distinct().All(name => unique[Array.IndexOf(n, name)] == name);
        }));
    }
}
