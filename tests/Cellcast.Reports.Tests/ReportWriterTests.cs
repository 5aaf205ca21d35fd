using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Reports.Tests;

/// <summary>The file itself, without a browser.</summary>
public class ReportWriterTests
{
    [Fact]
    public void The_same_data_gives_the_same_bytes()
    {
        Assert.Equal(Html(SampleReport.Create(5)), Html(SampleReport.Create(5)));
    }

    [Fact]
    public void Data_come_out_as_they_went_in()
    {
        ReportData data = SampleReport.Create(5);
        JsonObject json = Data(Html(data));
        Assert.Equal(data.Cells!.Names, Texts(json["cells"]!["names"]!));
        Assert.Equal(data.Cells.Values[1].Values, Numbers<float>(json["cells"]!["values"]![1]!["values"]!, "f32"));
        Assert.Equal(data.Cells.Groups[1].Codes, Numbers<int>(json["cells"]!["groups"]![1]!["codes"]!, "i32"));
        Assert.Equal(data.Genes!.Table.Columns[1].Numbers!, Numbers<double>(json["genes"]!["table"]!["columns"]![1]!["numbers"]!, "f64"));
        Assert.Equal("probability", (string?)json["genes"]!["table"]!["columns"]![2]!["format"]);
        Assert.Null(json["patients"]!["parts"]![1]!["logRank"]);
        Assert.Null(json["evaluation"]!["classScores"]!["models"]![1]!["sd"]![0]);
    }

    [Fact]
    public void Expression_is_kept_to_half_a_step_and_what_is_not_zero_stays_so()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<NonEmptyArray<byte>>(), given =>
        {
            float[] values = [.. given.Get.Select(b => b < 100 ? 0 : b * b * 0.0001f)];
            ReportData data = SampleReport.Create(1);
            JsonNode gene = Data(Html(data with { Cells = Cells(values) }))["cells"]!["genes"]![0]!["values"]!;
            float max = (float)gene["max"]!;
            byte[] levels = Numbers<byte>(gene, "u8");
            for (int i = 0; i < values.Length; i++)
            {
                Assert.Equal(values[i] > 0, levels[i] > 0);
                Assert.InRange(Math.Abs(levels[i] / 255f * max - values[i]), 0, max / 255);
            }
        }).CheckOnRandomCases();

        static CellSection Cells(float[] values) => new()
        {
            Count = values.Length,
            Names = [.. values.Select((_, i) => $"{i}")],
            Embeddings = [new Embedding("e", "x", "y", values, values)],
            Genes = [new GeneExpression("g", values)],
        };
    }

    [Fact]
    public void No_name_can_leave_the_data_and_the_policy_lets_one_script_run()
    {
        string html = Encoding.UTF8.GetString(Html(SampleReport.Create(3, n => n + "</script><script>harm()</script><!--&\"'\u2028")));
        string start = "<script type=\"application/json\" id=\"cellcast-data\">";
        int from = html.IndexOf(start, StringComparison.Ordinal) + start.Length, to = html.IndexOf("</script>", from, StringComparison.Ordinal);
        string data = html[from..to];
        Assert.DoesNotContain('<', data);
        Assert.DoesNotContain('\u2028', data);
        Assert.True(JsonNode.Parse(data) is JsonObject);
        Assert.Equal(2, html.Split("<script").Length - 1); // the data and the program
        Assert.Contains("default-src 'none'; script-src 'sha256-", html, StringComparison.Ordinal);
        Assert.DoesNotContain("harm()<", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Arrays_that_do_not_fit_are_refused_by_name()
    {
        ReportData data = SampleReport.Create(3);
        var wrong = data with { Cells = data.Cells! with { Values = [new PointValues("depth", [1, 2])] } };
        Assert.Contains("'depth' has 2 values, 9 are expected", Assert.Throws<ArgumentException>(() => Html(wrong)).Message, StringComparison.Ordinal);
        wrong = data with { Cells = data.Cells! with { Groups = [new PointGroups("label", ["a"], [0, 0, 0, 0, 0, 0, 0, 0, 1])] } };
        Assert.Contains("'label' has a code of 1 for 1 labels", Assert.Throws<ArgumentException>(() => Html(wrong)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_report_of_five_thousand_cells_is_below_eight_megabytes()
    {
        ReportData data = SampleReport.Create(71); // 5,041 cells
        int n = data.Cells!.Names.Length;
        var random = new System.Random(1);
        // Noise is the worst case for compression.
        var genes = Enumerable.Range(0, 80).Select(g => new GeneExpression($"G{g}", [.. Enumerable.Range(0, n).Select(_ => (float)random.NextDouble())]));
        Assert.InRange(Html(data with { Cells = data.Cells with { Genes = [.. genes] } }).Length, 100_000, 8_000_000);
    }

    private static byte[] Html(ReportData data)
    {
        using var stream = new MemoryStream();
        ReportWriter.Write(stream, data);
        return stream.ToArray();
    }

    private static JsonObject Data(byte[] html)
    {
        string text = Encoding.UTF8.GetString(html);
        int from = text.IndexOf("cellcast-data\">", StringComparison.Ordinal) + "cellcast-data\">".Length;
        return JsonNode.Parse(text[from..text.IndexOf("</script>", from, StringComparison.Ordinal)])!.AsObject();
    }

    private static byte[] Open(JsonNode packed)
    {
        using var zlib = new ZLibStream(new MemoryStream(Convert.FromBase64String((string)packed["z"]!)), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        zlib.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static T[] Numbers<T>(JsonNode packed, string type) where T : struct
    {
        Assert.Equal(type, (string?)packed["t"]);
        T[] values = MemoryMarshal.Cast<byte, T>(Open(packed)).ToArray();
        Assert.Equal((int)packed["n"]!, values.Length);
        return values;
    }

    private static string[] Texts(JsonNode packed) => [.. JsonNode.Parse(Open(packed))!.AsArray().Select(t => (string)t!)];
}
