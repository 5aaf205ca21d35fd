using System.Text.Json.Nodes;
using Cellcast.AnnData.TenX;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Reports.Tests;

/// <summary>What is computed for the pictures.</summary>
public class PictureTests
{
    [Fact]
    public void A_distribution_has_the_quartiles_of_its_values_and_a_density_of_area_one()
    {
        Prop.ForAll(Gen.Choose(2, 300).ToArbitrary(), n =>
        {
            var random = new System.Random(n);
            float[] values = [.. Enumerable.Range(0, n).Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble()))];
            Distribution d = Distribution.Of("a", [.. values, float.NaN])!;
            Assert.Equal(n, d.Count);
            Assert.Equal(values.Min(), d.Minimum, 6);
            Assert.Equal(values.Max(), d.Maximum, 6);
            Assert.True(values.Count(v => v <= d.Median + 1e-6) * 2 >= n && values.Count(v => v >= d.Median - 1e-6) * 2 >= n);
            Assert.True(d.Minimum <= d.LowerWhisker && d.LowerWhisker <= d.LowerQuartile + 1e-9 && d.LowerQuartile <= d.Median && d.UpperQuartile <= d.UpperWhisker + 1e-9 && d.UpperWhisker <= d.Maximum);
            double area = 0;
            for (int k = 1; k < d.At.Length; k++) area += (d.Density[k] + d.Density[k - 1]) / 2 * (d.At[k] - d.At[k - 1]);
            if (n >= 100) Assert.InRange(area, 0.85, 1.01); // tails beyond the extreme values are cut
        }).CheckOnRandomCases();
    }

    [Fact]
    public void A_density_is_the_mean_of_kernels()
    {
        float[] values = [0, 1, 1.5f, 4];
        Distribution d = Distribution.Of("a", values)!;
        double mean = 1.625, sd = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / 3), quartiles = d.UpperQuartile - d.LowerQuartile;
        double width = 0.9 * Math.Min(sd, quartiles / 1.349) * Math.Pow(4, -0.2);
        for (int k = 0; k < d.At.Length; k++)
            Assert.Equal(values.Average(v => Math.Exp(-0.5 * Math.Pow((d.At[k] - v) / width, 2)) / (width * Math.Sqrt(2 * Math.PI))), d.Density[k], 5);
    }

    [Fact]
    public void Groups_are_ordered_by_their_median_and_empty_ones_left_out()
    {
        Grouping g = Distribution.Group(new PointGroups("type", ["low", "none", "high", "one"], [0, 0, 2, 2, -1, 3]), [1, 2, 8, 9, 100, 5]);
        Assert.Equal(["high", "one", "low"], g.Items.Select(d => d.Label));
        Assert.Equal([2, 1, 2], g.Items.Select(d => d.Count));
    }

    [Fact]
    public void The_principal_plane_holds_more_variance_than_any_other()
    {
        Prop.ForAll(Gen.Choose(3, 8).Zip(Gen.Choose(10, 60)).ToArbitrary(), size =>
        {
            var (z, rows) = size;
            var random = new System.Random(z * 1000 + rows);
            float[] latent = [.. Enumerable.Range(0, rows * z).Select(i => (float)((random.NextDouble() - 0.5) * (i % z + 1)))];
            Embedding e = PrincipalPlane.Of(latent, rows, "latent");
            double first = Variance(e.X), second = Variance(e.Y);
            Assert.True(first >= second - 1e-4);
            Assert.Equal(0, e.X.Zip(e.Y).Sum(p => (double)p.First * p.Second) / rows, 3);
            for (int t = 0; t < 20; t++)
            {
                double[] w = [.. Enumerable.Range(0, z).Select(_ => random.NextDouble() - 0.5)];
                double norm = Math.Sqrt(w.Sum(v => v * v));
                float[] other = [.. Enumerable.Range(0, rows).Select(r => (float)(Enumerable.Range(0, z).Sum(a => w[a] * latent[r * z + a]) / norm))];
                Assert.True(Variance(other) <= first * (1 + 1e-5));
            }
        }).CheckOnRandomCases();

        static double Variance(float[] v) => v.Sum(x => Math.Pow(x - v.Average(), 2)) / (v.Length - 1);
    }

    [Fact]
    public void Few_dimensions_and_constant_states_are_no_error()
    {
        Assert.All(PrincipalPlane.Of([1, 2, 3], 3, "one").Y, v => Assert.Equal(0, v));
        Assert.All(PrincipalPlane.Of([2, 2, 2, 2], 2, "same").X, v => Assert.Equal(0, v));
    }

    [Fact]
    public void A_sample_keeps_the_share_of_every_region()
    {
        var random = new System.Random(3);
        const int n = 50_000, most = 5_000;
        // Three clusters of very different density, and a thin background.
        float[] x = [.. Enumerable.Range(0, n).Select(i => (float)(i % 100 == 0 ? random.NextDouble() * 100 : i % 10 < 7 ? 10 + Normal() : i % 10 < 9 ? 80 + 5 * Normal() : 50 + 0.2 * Normal()))];
        float[] y = [.. Enumerable.Range(0, n).Select(i => (float)(i % 100 == 0 ? random.NextDouble() * 100 : 50 + 3 * Normal()))];
        int[] kept = PointSample.Choose(x, y, most);
        Assert.Equal(most, kept.Length);
        Assert.Equal(most, kept.Distinct().Count());
        Assert.Equal(kept.Order(), kept);
        foreach (var (from, to) in new[] { (0.0, 20.0), (49, 51), (60, 100), (20, 49) })
        {
            double all = x.Count(v => v >= from && v < to) / (double)n, sample = kept.Count(i => x[i] >= from && x[i] < to) / (double)most;
            // A random sample would be off by twice its standard error, sqrt(p / most), every twentieth time.
            Assert.InRange(Math.Abs(sample - all), 0, Math.Sqrt(all / most) * 0.7 + 2.0 / most);
        }
        Assert.Equal(Enumerable.Range(0, 10), PointSample.Choose(x[..10], y[..10], 10));

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }

    [Fact]
    public void A_picture_is_a_png_that_other_readers_open()
    {
        Prop.ForAll(Gen.Choose(1, 40).Zip(Gen.Choose(1, 40)).ToArbitrary(), size =>
        {
            var (width, height) = size;
            byte[] pixels = new byte[width * height * 3];
            new System.Random(width * 100 + height).NextBytes(pixels);
            PngImage same = Decode(PngPicture.DataAddress(pixels, width, height));
            Assert.Equal((height, width, 3), (same.Height, same.Width, same.Channels));
            Assert.Equal(pixels, same.Pixels);
            PngImage small = Decode(PngPicture.DataAddress(pixels, width, height, mostSide: 10));
            Assert.InRange(Math.Max(small.Width, small.Height), 1, 10);
            Assert.InRange(small.Pixels.Average(b => (double)b) - pixels.Average(b => (double)b), -25, 25);
        }).CheckOnRandomCases();

        static PngImage Decode(string address)
        {
            using var folder = new TemporaryDirectory();
            File.WriteAllBytes(folder["a.png"], Convert.FromBase64String(address["data:image/png;base64,".Length..]));
            return PngImage.Read(folder["a.png"]);
        }
    }

    [Fact]
    public void Spots_on_a_lattice_are_its_step_apart()
    {
        float[] x = [.. Enumerable.Range(0, 100).Select(i => i % 10 * 3f)], y = [.. Enumerable.Range(0, 100).Select(i => i / 10 * 4f)];
        Assert.Equal(3.0, PointSpacing.Typical(x, y)!.Value, 6);
        Assert.Null(PointSpacing.Typical([1, 1], [2, 2]));
    }

    /// <summary>MultiQC itself, where it is installed, takes every file of every kind of report.</summary>
    [ToolFact("multiqc")]
    public void MultiQC_reads_every_section()
    {
        using var folder = new TemporaryDirectory();
        (string Name, ReportData Data)[] runs = [("fit", SampleReport.Create(5)), ("binary", SampleReport.WithOutcome(true) with { Title = "binary" }), ("continuous", SampleReport.WithOutcome(false) with { Title = "continuous" }),
            ("evaluation", SampleReport.OfAnEvaluation(5) with { Title = "evaluation" })];
        foreach (var (name, data) in runs)
            foreach (var (file, json) in MultiQc.Sections(data)) File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder[name]).FullName, file), json);
        ProcessResult run = ExternalTool.Run("multiqc", [folder.Path, "--outdir", folder["out"], "--no-ansi", "--module", "custom_content"]);
        Assert.True(run.ExitCode == 0, run.Error + run.Output);
        Assert.DoesNotContain("Traceback", run.Error + run.Output, StringComparison.Ordinal);
        JsonNode found = JsonNode.Parse(File.ReadAllText(folder["out/multiqc_data/multiqc_data.json"]))!;
        string[] statistics = [.. found["report_general_stats_data"]!.AsArray().SelectMany(g => g!.AsObject()).Select(g => g.Key).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal([.. runs.Select(r => r.Data.Title).Order(StringComparer.Ordinal)], statistics);
        Assert.Contains(found["report_general_stats_data"]!.AsArray(), g => (double?)g!["scSurv: sample"]?["concordance_test"] == 0.71);
        string[] plots = [.. found["report_plot_data"]!.AsObject().Select(p => p.Key)];
        foreach (string plot in new[] { "cellcast_survival_plot", "cellcast_roc_plot", "cellcast_robustness_plot", "cellcast_training_cells_plot", "cellcast_training_validation_macro_f1_plot" })
            Assert.Contains(plot, plots);
        string page = File.ReadAllText(folder["out/multiqc_report.html"]);
        foreach (string table in new[] { "cellcast_classes_plot", "cellcast_cell_types_plot" }) Assert.Contains($"id=\"{table}\"", page, StringComparison.Ordinal);
        // All under one heading.
        Assert.Equal(["cellcast"], System.Text.RegularExpressions.Regex.Matches(page, "id=\"mqc-module-section-([^\"]*)\"").Select(m => m.Groups[1].Value));
    }

    /// <summary>It takes them for markup: a cell type from somebody's file would run as a program in the page of all runs.</summary>
    [ToolFact("multiqc")]
    public void Names_stay_text_in_MultiQCs_page()
    {
        using var folder = new TemporaryDirectory();
        ReportData[] all = [SampleReport.Create(5, n => n + "<script>run()</script>"), SampleReport.OfAnEvaluation(5) with { Title = "</script><script>run()" }];
        for (int i = 0; i < all.Length; i++)
            foreach (var (file, json) in MultiQc.Sections(all[i])) File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder[$"{i}"]).FullName, file), json);
        ProcessResult run = ExternalTool.Run("multiqc", [folder.Path, "--outdir", folder["out"], "--no-ansi", "--module", "custom_content"]);
        Assert.True(run.ExitCode == 0, run.Error + run.Output);
        string page = File.ReadAllText(folder["out/multiqc_report.html"]);
        Assert.Contains("&lt;script&gt;run()", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>run()", page, StringComparison.Ordinal);
    }

    [Fact]
    public void MultiQC_sections_are_json_with_what_MultiQC_asks_for()
    {
        var sections = MultiQc.Sections(SampleReport.Create(5, n => n + "<script>"));
        Assert.Contains("cellcast_general_mqc.json", sections.Select(s => s.Name));
        Assert.Contains("cellcast_survival_mqc.json", sections.Select(s => s.Name));
        Assert.Equal(sections.Count, sections.Select(s => s.Name).Distinct().Count());
        foreach (var (name, json) in sections)
        {
            Assert.EndsWith("_mqc.json", name, StringComparison.Ordinal);
            Assert.DoesNotContain('<', json);
            JsonObject section = JsonNode.Parse(json)!.AsObject();
            foreach (string key in new[] { "id", "plot_type", "pconfig", "data" }) Assert.True(section.ContainsKey(key), $"{name}: {key}");
            Assert.Contains((string)section["plot_type"]!, new[] { "generalstats", "linegraph", "table" });
            // As documented: an object of samples, each with an object of values.
            Assert.All(section["data"]!.AsObject(), sample => Assert.IsType<JsonObject>(sample.Value));
        }
        Assert.Equal(sections.Count, sections.Select(s => (string)JsonNode.Parse(s.Json)!["id"]!).Distinct().Count());
    }
}
