using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Spatial;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Models.Simulation;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>One fit with covariates, strata, late entry, weights, spots and two seeds, and what can be said of its certainty.</summary>
public sealed class ScSurvUncertaintyTests : IClassFixture<ScSurvUncertaintyTests.Fitted>
{
    private readonly Fitted _fitted;

    public ScSurvUncertaintyTests(Fitted fitted) => _fitted = fitted;

    [Fact]
    public void Runs_with_covariates_say_what_the_seeds_agree_on()
    {
        JsonObject metrics = JsonNode.Parse(File.ReadAllText(_fitted.Folder["fit/metrics.json"]))!.AsObject();
        Documentation.NamesAllOf(_fitted.Folder["fit"]);
        Assert.Equal([0L, 1], metrics["runs"]!["seeds"]!.AsArray().Select(s => (long)s!));
        double[] first = Of(AnyFile.Read(_fitted.Folder["fit/cells.h5ad"]).Obs, "contribution");
        TwoRuns("cells", first);
        TwoRuns("cell_types", null);
        TwoRuns("genes", null);
        TextTable patients = TextTable.Read(_fitted.Folder["fit/patients.csv"]);
        double[] eta = Numbers(patients, "linear_predictor"), shares = Numbers(patients, "shares_predictor"), clinical = Numbers(patients, "clinical_predictor");
        string[] split = patients.Require("split");
        double center = Enumerable.Range(0, eta.Length).Where(i => split[i] != "test").Average(i => eta[i]);
        TwoRuns("patients", [.. eta.Select(e => e - center)]);
        for (int i = 0; i < eta.Length; i++) Assert.Equal(eta[i], shares[i] + clinical[i], 1e-9);
        Assert.True(clinical.Max() > clinical.Min());
    }

    /// <summary>Of two runs each lies half the difference from the mean, and the standard deviation between them is that times the root of 2.</summary>
    private void TwoRuns(string kind, double[]? first)
    {
        TextTable runs = TextTable.Read(_fitted.Folder[$"fit/runs/{kind}.csv"]);
        Assert.Equal(["mean", "sd_runs", "sd", "lower", "upper", "probability_adverse"], runs.Header[1..]);
        double[] mean = Numbers(runs, "mean"), between = Numbers(runs, "sd_runs"), sd = Numbers(runs, "sd"), lower = Numbers(runs, "lower"), upper = Numbers(runs, "upper");
        Assert.Contains(between, b => b > 0);
        for (int i = 0; i < mean.Length; i++)
        {
            Assert.True(sd[i] >= between[i] - 1e-12 && lower[i] <= mean[i] && mean[i] <= upper[i]);
            if (first is not null) Assert.Equal(between[i], Math.Sqrt(2) * Math.Abs(first[i] - mean[i]), 1e-4 * (1 + Math.Abs(first[i])));
        }
    }

    [Fact]
    public void Spots_have_smoothed_hazards_regions_Morans_I_and_genes_that_follow_it()
    {
        AnnotatedData spots = AnyFile.Read(_fitted.Folder["fit/spots.h5ad"]);
        double[] hazard = Of(spots.Obs, "Hazard_rates"), log = Of(spots.Obs, "log_hazard"), smooth = Of(spots.Obs, "log_hazard_smooth"), z = Of(spots.Obs, "hazard_z"), q = Of(spots.Obs, "hazard_q");
        Assert.Equal(1, hazard.Average(), 1e-6);
        SpatialGraph graph = SpatialGraph.Build((DenseMatrix)spots.Obsm["spatial"], 6);
        string?[] region = spots.Obs["hazard_region"].ToText();
        for (int i = 0; i < log.Length; i++)
        {
            Assert.Equal(Math.Log(hazard[i]), log[i], 1e-9);
            Assert.Equal(0.5 * log[i] + 0.5 * graph.Of(i).ToArray().Average(j => log[j]), smooth[i], 1e-9);
            Assert.Equal(q[i] >= 0.05, region[i] == "none");
            if (region[i] != "none") Assert.StartsWith(z[i] > 0 ? "high " : "low ", region[i]);
        }
        JsonObject spatial = JsonNode.Parse(File.ReadAllText(_fitted.Folder["fit/metrics.json"]))!["spatial"]!.AsObject();
        MoransI moran = MoransI.Compute(log, graph);
        Assert.Equal(moran.Value, (double)spatial["moran_i"]!, 1e-9);
        Assert.Equal(moran.PValue, (double)spatial["moran_p"]!, 1e-9);
        Assert.Equal(region.Count(r => r!.StartsWith("high", StringComparison.Ordinal)), (int)spatial["spots_in_high_regions"]!);

        TextTable genes = TextTable.Read(_fitted.Folder["fit/spot_genes.csv"]);
        Assert.Equal(["gene", "pearson", "spearman", "effective_spots", "pearson_p", "pearson_q"], genes.Header);
        double[] r = Numbers(genes, "pearson"), effective = Numbers(genes, "effective_spots"), p = Numbers(genes, "pearson_p"), adjusted = Numbers(genes, "pearson_q");
        for (int g = 0; g < r.Length; g++)
        {
            if (double.IsNaN(r[g])) continue;
            Assert.True(g == 0 || r[g] <= r[g - 1]);
            Assert.InRange(effective[g], 1, log.Length);
            Assert.True(p[g] <= adjusted[g]);
            // Never surer than spots that know nothing of one another.
            double t = Math.Abs(r[g]) * Math.Sqrt((log.Length - 2) / (1 - r[g] * r[g]));
            Assert.True(p[g] >= Analysis.Statistics.Distributions.TwoSidedStudent(t, log.Length - 2) * (1 - 1e-6));
        }
    }

    [Fact]
    public void Uncertainty_respects_the_design_and_leaves_an_h5ad_for_scanpy()
    {
        string[] design = File.ReadLines(_fitted.Folder["fit/design.csv"]).First().Split(',');
        Assert.Equal(["patient", "stratum", "entry", "weight", "covariate: age", "covariate: age missing", "covariate: sex=M"], design);
        ProcessResult one = Uncertainty("fit", "sure", "--threads", "1"), two = Uncertainty("fit", "again", "--threads", "2");
        Assert.True(one.ExitCode == 0, one.Error);
        Assert.True(two.ExitCode == 0, two.Error);
        foreach (string file in (string[])["cells.csv", "cell_types.csv", "genes.csv", "patients.csv", "power.csv", "uncertainty.json", "cells.h5ad"])
            Assert.True(File.ReadAllBytes(_fitted.Folder["sure/" + file]).AsSpan().SequenceEqual(File.ReadAllBytes(_fitted.Folder["again/" + file])), file);
        JsonObject summary = JsonNode.Parse(File.ReadAllText(_fitted.Folder["sure/uncertainty.json"]))!.AsObject();
        Assert.Equal("within strata, shares are a linear function of the covariates and an error that is independent of follow-up (time, event and entry)", summary["signal"]!["null"]!.ToString());
        Assert.Equal(3, (int)summary["covariates"]!);

        AnnotatedData cells = AnyFile.Read(_fitted.Folder["sure/cells.h5ad"]);
        TextTable table = TextTable.Read(_fitted.Folder["sure/cells.csv"]);
        foreach (string column in (string[])["contribution", "contribution_sd", "contribution_lower", "contribution_upper", "probability_adverse", "bootstrap_sd"])
            Assert.Equal(Numbers(table, column), Of(cells.Obs, column));
        double[] fdr = Of(cells.Obs, "contribution_fdr"), probability = Of(cells.Obs, "probability_adverse"), typeQ = Of(cells.Obs, "type_q");
        Assert.All(fdr, f => Assert.InRange(f, 0, 0.5));
        // The surest cell's rate is its own chance of a wrong sign.
        int surest = Enumerable.Range(0, fdr.Length).MinBy(i => Math.Min(probability[i], 1 - probability[i]));
        Assert.Equal(Math.Min(probability[surest], 1 - probability[surest]), fdr[surest], 1e-12);
        Assert.All(typeQ, v => Assert.InRange(v, 0, 1));
        Assert.Equal(Numbers(TextTable.Read(_fitted.Folder["sure/genes.csv"]), "q"), Of(cells.Var, "q"));
        Assert.True(cells.Obsm.TryGet<Matrix>("X_scsurv", out _));
        Assert.False(cells.Obsm.TryGet<Matrix>("map2bulk", out _));
        Assert.Contains("label", cells.Obs.ColumnNames);
    }

    [ToolFact("anndata")]
    public void Anndata_reads_how_sure_cells_are()
    {
        Assert.Equal(0, Uncertainty("fit", "for-scanpy").ExitCode);
        ProcessResult python = ExternalTool.RunPython("""
            import sys, anndata
            a = anndata.read_h5ad(sys.argv[1])
            print(a.n_obs, ((a.obs.contribution_lower <= a.obs.contribution) & (a.obs.contribution <= a.obs.contribution_upper)).all(), 'correlation_sd' in a.var, 'X_umap' in a.obsm or 'X_scsurv' in a.obsm)
            """, _fitted.Folder["for-scanpy/cells.h5ad"]);
        Assert.True(python.ExitCode == 0, python.Error);
        Assert.Equal("80 True True True", python.Output.Trim());
    }

    [Fact]
    public void Other_outcomes_are_resampled_and_permuted_too()
    {
        foreach (string outcome in (string[])["binary", "continuous"])
        {
            ProcessResult fit = CommandLine.Run(["scsurv", "fit", .. _fitted.Inputs, "--outcome", outcome, "--response", outcome == "binary" ? "severe" : "score", "--covariates", "age", "--out", _fitted.Folder[outcome]]);
            Assert.True(fit.ExitCode == 0, fit.Error);
            ProcessResult run = Uncertainty(outcome, outcome + "-sure");
            Assert.True(run.ExitCode == 0, run.Error);
            JsonObject summary = JsonNode.Parse(File.ReadAllText(_fitted.Folder[outcome + "-sure/uncertainty.json"]))!.AsObject();
            Assert.Equal(outcome, summary["outcome"]!.ToString());
            Assert.Equal("shares are a linear function of the covariates and an error that is independent of outcomes", summary["signal"]!["null"]!.ToString());
            // Only what does not apply or was not found out is null.
            Assert.Equal(outcome == "binary" ? [] : ["events"], summary.Where(p => p.Value is null && p.Key != "caution").Select(p => p.Key));
            Assert.InRange((double)summary["signal"]!["p"]!, 0.02, 1);
            Assert.False(File.Exists(_fitted.Folder[outcome + "-sure/power.csv"]));
            Assert.All(Numbers(TextTable.Read(_fitted.Folder[outcome + "-sure/cell_types.csv"]), "bootstrap_sd"), sd => Assert.True(sd > 0));
        }
    }

    [Fact]
    public void A_design_that_is_missing_or_of_another_fit_is_refused_in_a_sentence()
    {
        string copy = _fitted.Folder["copy"];
        foreach (string file in Directory.EnumerateFiles(_fitted.Folder["fit"], "*", SearchOption.AllDirectories))
        {
            string to = Path.Combine(copy, Path.GetRelativePath(_fitted.Folder["fit"], file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }
        string[] lines = File.ReadAllLines(Path.Combine(copy, "design.csv"));
        void Refused(string sentence)
        {
            ProcessResult run = Uncertainty("copy", "refused");
            Assert.Equal(3, run.ExitCode);
            Assert.Contains(sentence, run.ErrorSentence());
        }
        File.WriteAllLines(Path.Combine(copy, "design.csv"), [lines[0], lines[2], lines[1], .. lines[3..]]);
        Refused("names other patients than patients.csv");
        File.WriteAllLines(Path.Combine(copy, "design.csv"), lines.Select(l => l[..l.LastIndexOf(',')]));
        Refused("has other covariates than the model");
        File.Delete(Path.Combine(copy, "design.csv"));
        Refused("but has no design.csv");
    }

    private ProcessResult Uncertainty(string fit, string output, params string[] more) =>
        CommandLine.Run(["scsurv", "uncertainty", _fitted.Folder[fit], "--out", _fitted.Folder[output], "--bootstrap", "15", "--permutations", "49", .. more]);

    private static double[] Of(DataFrame frame, string column) => ((NumericColumn)frame[column]).ToDouble();

    private static double[] Numbers(TextTable table, string name) => [.. table.Require(name).Select(v => v.Length == 0 ? double.NaN : double.Parse(v, CultureInfo.InvariantCulture))];

    /// <summary>A small study with clinical columns, and the fit.</summary>
    public sealed class Fitted : IDisposable
    {
        public Fitted()
        {
            SimulatedStudy study = StudySimulator.Simulate(new SimulationParameters
            {
                Cells = 80,
                Genes = 70,
                Types = 3,
                Families = 2,
                GradientTypes = 1,
                Samples = 2,
                Patients = 90,
                Spots = 64,
                CellDepth = 300,
                BulkDepth = 5000,
                SpotDepth = 800,
                PlatformEffect = 0.1,
            }, seed: 3);
            AnnotatedData bulk = study.Bulk;
            int n = bulk.ObservationCount;
            double[] time = ((NumericColumn)bulk.Obs["survival_time"]).ToDouble();
            bulk.Obs["age"] = new NumericColumn(Enumerable.Range(0, n).Select(i => i % 17 == 5 ? double.NaN : 50 + 10 * Math.Sin(i)).ToArray());
            bulk.Obs["sex"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => i % 3 == 0 ? "M" : "F")]);
            bulk.Obs["centre"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => i % 2 == 0 ? "north" : "south, upper")]);
            bulk.Obs["seen"] = new NumericColumn(time.Select((t, i) => i % 4 == 0 ? 0.2 * t : 0).ToArray());
            bulk.Obs["weight"] = new NumericColumn(Enumerable.Range(0, n).Select(i => 0.5 + i % 3).ToArray());
            bulk.Obs["severe"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => Math.Sin(i) + Math.Cos(7 * i) > 0 ? "yes" : "no")]);
            bulk.Obs["score"] = new NumericColumn(Enumerable.Range(0, n).Select(i => 3 + Math.Sin(5 * i)).ToArray());
            H5adFile.Write(Folder["bulk.h5ad"], bulk);
            H5adFile.Write(Folder["cells.h5ad"], study.Cells);
            H5adFile.Write(Folder["spots.h5ad"], study.Spots!);
            ProcessResult fit = CommandLine.Run(["scsurv", "fit", .. Inputs, "--spatial", Folder["spots.h5ad"], "--covariates", "age,sex:ref=F", "--strata", "centre", "--entry", "seen", "--weights", "weight", "--runs", "2", "--out", Folder["fit"]]);
            Assert.True(fit.ExitCode == 0, fit.Error);
        }

        internal TemporaryDirectory Folder { get; } = new();

        internal string[] Inputs => ["--reference", Folder["cells.h5ad"], "--bulk", Folder["bulk.h5ad"], "--batch", "sample", "--label", "label", "--max-epochs", "20", "--draws", "2", "--latent", "6", "--hidden", "16"];

        public void Dispose() => Folder.Dispose();
    }
}
