using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>scsurv fit</c> with intervals, and <c>scsurv predict</c> for patients and cells.</summary>
public sealed class ScSurvPredictTests : IClassFixture<ScSurvPredictTests.Fitted>
{
    private readonly Fitted _fitted;

    public ScSurvPredictTests(Fitted fitted) => _fitted = fitted;

    [Fact]
    public void A_fit_says_how_sure_it_is_of_cells_types_and_patients()
    {
        TextTable patients = TextTable.Read(_fitted.Folder["fit/patients.csv"]), types = TextTable.Read(_fitted.Folder["fit/cell_types.csv"]);
        Bracketed(patients, "linear_predictor");
        Bracketed(types, "mean");
        DataFrame cells = AnyFile.Read(_fitted.Folder["fit/cells.h5ad"]).Obs;
        double[] At(string name) => ((NumericColumn)cells[name]).ToDouble();
        double[] raw = At("raw_beta_z"), mean = At("contribution"), lower = At("contribution_lower"), upper = At("contribution_upper"), deviation = At("contribution_sd");
        for (int c = 0; c < raw.Length; c++)
        {
            Assert.Equal(raw[c], mean[c], 1e-5);
            Assert.True(lower[c] <= mean[c] && mean[c] <= upper[c]);
            Assert.Equal(2 * 1.96 * deviation[c], upper[c] - lower[c], 1e-3 * (1 + deviation[c]));
        }
    }

    [Fact]
    public void New_patients_get_intervals_and_are_compared_with_those_learned_from()
    {
        string output = _fitted.Folder["patients"];
        Fitted.Done("scsurv", "predict", "--model", _fitted.Folder["fit"], "--bulk", _fitted.Bulk, "--out", output);
        Documentation.NamesAllOf(output);
        TextTable patients = TextTable.Read(Path.Combine(output, "patients.csv"));
        Bracketed(patients, "linear_predictor");
        Bracketed(patients, "risk");
        // The cohort itself: hardly anybody is unlike it.
        Assert.InRange(Numbers(patients, "unlike_training").Sum(), 0, 0.1 * patients.Rows);
        Assert.All(Numbers(patients, "distance"), d => Assert.True(d > 0));
    }

    [Fact]
    public void Predictions_stay_where_no_concordance_can_be_computed_and_nobody_is_refused()
    {
        AnnotatedData bulk = AnyFile.Read(_fitted.Bulk);
        bulk.Obs["vital_status"] = CategoricalColumn.FromLabels([.. bulk.Obs.Index.Select(_ => "Alive")]);
        AnnData.H5ad.H5adFile.Write(_fitted.Folder["alive.h5ad"], bulk);
        ProcessResult run = CommandLine.Run("scsurv", "predict", "--model", _fitted.Folder["fit"], "--bulk", _fitted.Folder["alive.h5ad"], "--time", "survival_time", "--event", "vital_status", "--out", _fitted.Folder["alive"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("the concordance is unknown: none of the 80 subjects has an event", run.Error, StringComparison.Ordinal);
        Assert.Equal(80, TextTable.Read(_fitted.Folder["alive/patients.csv"]).Rows);

        AnnData.H5ad.H5adFile.Write(_fitted.Folder["nobody.h5ad"], bulk.SelectObservations([]));
        ProcessResult refused = CommandLine.Run("scsurv", "predict", "--model", _fitted.Folder["fit"], "--bulk", _fitted.Folder["nobody.h5ad"], "--out", _fitted.Folder["nobody"]);
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("has no patients", refused.ErrorSentence(), StringComparison.Ordinal);
        ProcessResult none = CommandLine.Run("scsurv", "uncertainty", _fitted.Folder["alive"], "--out", _fitted.Folder["none"]);
        Assert.Equal(3, none.ExitCode);
        Assert.Contains("is no result of 'cellcast scsurv fit'", none.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Contributions_come_from_all_patients_and_predictions_of_held_out_ones_do_not()
    {
        string train = _fitted.Folder["train"];
        Fitted.Done([.. _fitted.Arguments(train), "--refit", "train"]);
        // What is said of patients is the same to the byte; contributions have learned more.
        foreach (string file in (string[])["patients.csv", "survival_curves.csv"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(train, file)), File.ReadAllBytes(_fitted.Folder["fit/" + file]));
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(train, "cell_types.csv")), File.ReadAllBytes(_fitted.Folder["fit/cell_types.csv"]));
        TextTable patients = TextTable.Read(Path.Combine(train, "patients.csv"));
        int test = Enumerable.Range(0, patients.Rows).Count(r => patients.Require("split")[r] == "test");
        int Behind(string folder) => (int)System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "metrics.json")))!["dimensions"]!["contribution_patients"]!;
        Assert.Equal((80, 80 - test), (Behind(_fitted.Folder["fit"]), Behind(train)));

        // Uncertainty takes the patients that were learned from; predictions of patients whose outcome was seen are no test.
        Fitted.Done("scsurv", "uncertainty", train, "--bootstrap", "0", "--permutations", "0", "--out", _fitted.Folder["sure"]);
        Assert.Equal(80 - test, TextTable.Read(_fitted.Folder["sure/patients.csv"]).Rows);
        foreach (var (fit, seen) in ((string, int)[])[("fit", 80), ("train", 80 - test)])
        {
            ProcessResult again = CommandLine.Run("scsurv", "predict", "--model", _fitted.Folder[fit], "--bulk", _fitted.Bulk, "--time", "survival_time", "--event", "vital_status", "--out", _fitted.Folder[fit + "_again"]);
            Assert.Contains($"{seen} of 80 patients have the names of patients that the model was learned from", again.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void New_cells_get_contributions_with_intervals_in_a_table_and_in_h5ad()
    {
        string output = _fitted.Folder["cells"];
        Fitted.Done("scsurv", "predict", "--model", _fitted.Folder["fit"], "--cells", _fitted.Cells, "--batch", "sample", "--out", output);
        TextTable table = TextTable.Read(Path.Combine(output, "cells.csv"));
        Bracketed(table, "contribution");
        AnnotatedData cells = AnyFile.Read(Path.Combine(output, "cells.h5ad"));
        double[] given = ((NumericColumn)AnyFile.Read(_fitted.Folder["fit/cells.h5ad"]).Obs["contribution"]).ToDouble(), again = ((NumericColumn)cells.Obs["contribution"]).ToDouble();
        // These are the reference's own cells, with their samples: they get what they had, but for those whose neighbours are of another type.
        Assert.InRange(Enumerable.Range(0, given.Length).Count(c => Math.Abs(given[c] - again[c]) < 1e-4), 0.8 * given.Length, given.Length);
        Assert.True(cells.Obsm.TryGet<Matrix>("X_scsurv", out _));
    }

    [Fact]
    public void A_published_model_has_no_intervals_and_refuses_new_cells()
    {
        string fit = _fitted.Folder["published"], output = _fitted.Folder["from_published"];
        Fitted.Done([.. _fitted.Arguments(fit), "--method", "published"]);
        Assert.DoesNotContain("linear_predictor_sd", TextTable.Read(Path.Combine(fit, "patients.csv")).Header);
        Fitted.Done("scsurv", "predict", "--model", fit, "--bulk", _fitted.Bulk, "--out", output);
        ProcessResult refused = CommandLine.Run("scsurv", "predict", "--model", fit, "--cells", _fitted.Cells, "--out", _fitted.Folder["refused"]);
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("without --method published", refused.Error, StringComparison.Ordinal);
        Assert.Equal(2, CommandLine.Run("scsurv", "predict", "--model", fit, "--out", _fitted.Folder["nothing"]).ExitCode);
    }

    private static void Bracketed(TextTable table, string name)
    {
        double[] value = Numbers(table, name), lower = Numbers(table, name + "_lower"), upper = Numbers(table, name + "_upper");
        for (int i = 0; i < value.Length; i++) Assert.True(lower[i] <= value[i] && value[i] <= upper[i], $"{name} of row {i + 1}");
    }

    private static double[] Numbers(TextTable table, string name)
    {
        var column = table.Require(name);
        return [.. Enumerable.Range(0, table.Rows).Select(r => double.Parse(column[r]!, CultureInfo.InvariantCulture))];
    }

    /// <summary>One small study and one fit for all tests.</summary>
    public sealed class Fitted : IDisposable
    {
        public Fitted()
        {
            Done("simulate", "--out", Folder["study"], "--cells", "150", "--genes", "120", "--types", "4", "--families", "2", "--samples", "2", "--patients", "80", "--gradient-types", "1");
            Done(Arguments(Folder["fit"]));
        }

        internal TemporaryDirectory Folder { get; } = new();

        internal string Cells => Folder["study/simulated_cells.h5ad"];

        internal string Bulk => Folder["study/simulated_bulk.h5ad"];

        internal string[] Arguments(string output) => ["scsurv", "fit", "--reference", Cells, "--bulk", Bulk, "--batch", "sample", "--label", "label", "--out", output,
            "--genes", "100", "--max-epochs", "150", "--patience", "150", "--draws", "5", "--latent", "6", "--hidden", "16"];

        public void Dispose() => Folder.Dispose();

        internal static void Done(params string[] arguments)
        {
            ProcessResult result = CommandLine.Run(arguments);
            Assert.True(result.ExitCode == 0, result.Error);
        }
    }
}
