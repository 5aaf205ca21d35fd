using System.Globalization;
using System.Text;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests.Tables;

public sealed class CountTableTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private AnnotatedData Read(string name, string text, CountTableOptions? options = null) => CountTable.Read(_folder.Write(name, text), options);

    private string Failure(string text, CountTableOptions? options = null, string name = "counts.csv") =>
        Assert.Throws<InputException>(() => Read(name, text, options)).Message;

    private static void AssertTwoByThree(AnnotatedData data)
    {
        Assert.Equal(["TCGA-02-0047", "TCGA-06-0125"], data.Obs.Index);
        Assert.Equal(["TP53", "EGFR", "GAPDH"], data.Var.Index);
        Assert.Equal([1, 0, 30, 2, 5, 0], data.X!.ToSparse().ToDense());
        Assert.Equal(4, data.X.ToSparse().StoredCount);
    }

    [Theory]
    [InlineData("a.csv", "gene,TCGA-02-0047,TCGA-06-0125\nTP53,1,2\nEGFR,0,5\nGAPDH,30,0\n")]
    [InlineData("a.csv", ",TCGA-02-0047,TCGA-06-0125\r\nTP53,1,2\r\nEGFR,0,5\r\nGAPDH,30,0")]
    [InlineData("a.tsv", "gene\tTCGA-02-0047\tTCGA-06-0125\nTP53\t1\t2\nEGFR\t0\t5\nGAPDH\t30\t0\n")]
    [InlineData("a.tsv.gz", "gene\tTCGA-02-0047\tTCGA-06-0125\nTP53\t1\t2\nEGFR\t0\t5\nGAPDH\t30\t0\n")]
    [InlineData("a.txt", "gene;TCGA-02-0047;TCGA-06-0125\nTP53;1;2\n\nEGFR;0;5\nGAPDH;30;0\n\n")]
    [InlineData("a.txt", "\"TCGA-02-0047\" \"TCGA-06-0125\"\n\"TP53\" 1 2\n\"EGFR\" 0 5\n\"GAPDH\" 30 0\n")]
    [InlineData("a.csv", "\uFEFF\"gene\",\"TCGA-02-0047\",\"TCGA-06-0125\"\n\"TP53\",\"1\",\"2\"\n\"EGFR\",0,5e0\n\"GAPDH\",3.0E1,0.000\n")]
    [InlineData("a.csv", "TCGA-02-0047,TCGA-06-0125\nTP53,1,2\nEGFR,0,5\nGAPDH,30,0\n")]
    [InlineData("a.csv", "sample,TP53,EGFR,GAPDH\nTCGA-02-0047,1,0,30\nTCGA-06-0125,2,5,0\n")]
    [InlineData("a.csv", "gene,TCGA-02-0047,TCGA-06-0125\rTP53,1,2\rEGFR,0,5\rGAPDH,30,0\r")]
    [InlineData("a.gct", "#1.2\n3\t2\nName\tDescription\tTCGA-02-0047\tTCGA-06-0125\nTP53\ta\t1\t2\nEGFR\tb\t0\t5\nGAPDH\tc\t30\t0\n")]
    public void Every_dress_of_the_same_table_reads_the_same(string name, string text) => AssertTwoByThree(Read(name, text));

    [Fact]
    public void The_way_round_is_decided_by_names_and_said()
    {
        var data = Read("a.csv", "sample,TCGA-02-0047-01A,TCGA-06-0125-01A\nENSG00000141510.17,1,2\nENSG00000146648.18,0,5\n");
        Assert.Equal(["ENSG00000141510.17", "ENSG00000146648.18"], data.Var.Index);
        Assert.Contains("genes x samples", Assert.Single(data.Warnings));
    }

    [Fact]
    public void Names_that_say_nothing_ask_for_the_orientation()
    {
        const string text = "x,1001,1002\n2001,1,2\n2002,3,4\n";
        Assert.Contains("--orientation genes", Failure(text));
        Assert.Equal(["1001", "1002"], Read("b.csv", text, new() { Orientation = TableOrientation.GenesInRows }).Obs.Index);
        Assert.Equal(["2001", "2002"], Read("b.csv", text, new() { Orientation = TableOrientation.SamplesInRows }).Obs.Index);
    }

    [Fact]
    public void Columns_that_describe_genes_go_to_var()
    {
        var data = Read("fc.txt", "# Program:featureCounts v2.0.1; Command:\"featureCounts\"\n"
            + "Geneid\tChr\tStart\tEnd\tStrand\tLength\ts1.bam\ts2.bam\nENSG00000141510\tchr17;chr17\t7661779;7668402\t7661939;7668506\t-;-\t266\t7\t0\n"
            + "ENSG00000146648\tchr7\t55019017\t55019365\t+\t349\t0\t9\n");
        Assert.Equal(["s1.bam", "s2.bam"], data.Obs.Index);
        Assert.Equal([7, 0, 0, 9], data.X!.ToSparse().ToDense());
        Assert.Equal(["Chr", "Start", "End", "Strand", "Length"], data.Var.ColumnNames);
        Assert.Equal("349", data.Var["Length"].Text(1));
    }

    [Fact]
    public void Text_columns_beside_samples_go_to_obs()
    {
        var data = Read("a.csv", "cell,TP53,EGFR,label\nAAACCCAAGATTAGCA-1,1,0,B\nAAACCCACACAATGAA-1,0,3,T\nAAACCCATCGGACCAC-1,1,1,B\n");
        Assert.Equal<IEnumerable<string?>>(["B", "T", "B"], Assert.IsType<CategoricalColumn>(data.Obs["label"]).ToText());
    }

    [Fact]
    public void Repeated_genes_are_refused_summed_or_renamed_as_asked()
    {
        const string text = "gene,TCGA-1,TCGA-2\nTP53,1,2\nEGFR,4,0\nTP53,10,0\n";
        Assert.Contains("'TP53'", Failure(text));
        var summed = Read("b.csv", text, new() { Repeated = RepeatedGenes.Sum });
        Assert.Equal(["TP53", "EGFR"], summed.Var.Index);
        Assert.Equal([11, 4, 2, 0], summed.X!.ToSparse().ToDense());
        var renamed = Read("b.csv", text, new() { Repeated = RepeatedGenes.Rename });
        Assert.Equal(["TP53", "EGFR", "TP53-1"], renamed.Var.Index);
    }

    [Theory]
    [InlineData("gene,TCGA-1,TCGA-2\nTP53,1,NA\n", "line 2 (row 'TP53'), column 'TCGA-2'", "missing")]
    [InlineData("gene,TCGA-1,TCGA-2\nTP53,1,2\nEGFR,,2\n", "line 3 (row 'EGFR'), column 'TCGA-1'", "missing")]
    [InlineData("gene,TCGA-1,TCGA-2\nTP53,1,2\nEGFR,1,abc\n", "line 3 (row 'EGFR'), column 'TCGA-2'", "'abc' is not a number")]
    [InlineData("gene;TCGA-1;TCGA-2\nTP53;1;2,5\n", "column 'TCGA-2'", "decimals are written with a point")]
    [InlineData("gene,TCGA-1,TCGA-2\nTP53,1\n", "header has 3 fields", "line 2 has 2")]
    [InlineData("gene,TCGA-1,TCGA-2\nTP53,1,2\nEGFR,1,2,3\n", "line 3 has 4 fields", "3 were expected")]
    [InlineData("gene,TCGA-1,TCGA-1\nTP53,1,2\n", "'TCGA-1'", "more than once")]
    [InlineData("gene,TCGA-1,TCGA-2\nTP53,x,2\nEGFR,1,2\nGAPDH,1,2\nACTB,3,2\n", "row 'TP53', column 'TCGA-1'", "not a number")]
    [InlineData("gene,TCGA-1,TCGA-2\n", "header", "no rows")]
    [InlineData("name,city\nAnna,Rome\n", "line 2", "no table of counts")]
    [InlineData("gene,TCGA-1,TCGA-2\nTP53,\"1,2\nEGFR,1,2\n", "line 2", "never closed")]
    public void Damaged_tables_are_named_to_the_cell(string text, string where, string what)
    {
        string message = Failure(text);
        Assert.Contains(_folder["counts.csv"], message);
        Assert.Contains(where, message);
        Assert.Contains(what, message);
    }

    [Fact]
    public void A_gzip_file_that_ends_early_is_an_error_not_a_shorter_table()
    {
        var text = new StringBuilder("gene,TCGA-1,TCGA-2\n");
        for (int g = 0; g < 20000; g++) text.Append(CultureInfo.InvariantCulture, $"GENE{g},{g * 7919 % 1000},{g * 104729 % 999}\n");
        byte[] whole = Text.Gzip(Encoding.UTF8.GetBytes(text.ToString()));
        foreach (int lost in new[] { 1, 9, whole.Length / 2 })
        {
            File.WriteAllBytes(_folder["cut.csv.gz"], whole[..^lost]);
            Assert.Contains("ends too early", Assert.Throws<InputException>(() => CountTable.Read(_folder["cut.csv.gz"])).Message);
        }
    }

    [Fact]
    public void A_transform_sees_every_number_with_its_digits()
    {
        var seen = new List<(double, int, string, string)>();
        Read("a.csv", "gene,TCGA-1,TCGA-2\nTP53,1.50,0\nEGFR,2,3e1\n", new()
        {
            Transform = (v, decimals, row, column) =>
            {
                seen.Add((v, decimals, row, column));
                return v;
            },
        });
        Assert.Equal([(1.5, 2, "TP53", "TCGA-1"), (0, 0, "TP53", "TCGA-2"), (2, 0, "EGFR", "TCGA-1"), (30, 0, "EGFR", "TCGA-2")], seen);
    }
}
