using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Models.Simulation;
using Cellcast.Survival;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>Covariates, other outcomes and cross-validation from the command line.</summary>
public class ScSurvClinicalTests
{
    private static readonly Lazy<SimulatedStudy> s_study = new(() => StudySimulator.Simulate(new SimulationParameters
    {
        Cells = 60,
        Genes = 60,
        Types = 3,
        Families = 2,
        GradientTypes = 1,
        Samples = 2,
        Patients = 60,
        Spots = 0,
        CellDepth = 300,
        BulkDepth = 5000,
        PlatformEffect = 0.1,
    }, seed: 2));

    private static void Write(TemporaryDirectory folder)
    {
        AnnotatedData bulk = s_study.Value.Bulk;
        int n = bulk.ObservationCount;
        bulk.Obs["age"] = new NumericColumn(Enumerable.Range(0, n).Select(i => i == 5 ? double.NaN : 50 + 10 * Math.Sin(i)).ToArray());
        bulk.Obs["sex"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => i % 3 == 0 ? "M" : "F")]);
        bulk.Obs["severe"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => Math.Sin(i) + Math.Cos(7 * i) > 0 ? "yes" : "no")]);
        H5adFile.Write(folder["bulk.h5ad"], bulk);
        H5adFile.Write(folder["cells.h5ad"], s_study.Value.Cells);
    }

    private static ProcessResult Run(TemporaryDirectory folder, string command, string output, params string[] more) =>
        CommandLine.Run(["scsurv", command, "--reference", folder["cells.h5ad"], "--bulk", folder["bulk.h5ad"], "--batch", "sample", "--label", "label", "--max-epochs", "2", "--threads", "1", "--json", "--out", folder[output], .. more]);

    [Fact]
    public void Covariates_are_in_the_results_and_in_predictions()
    {
        using var folder = new TemporaryDirectory();
        Write(folder);
        ProcessResult fit = Run(folder, "fit", "fit", "--draws", "2", "--covariates", "age,sex:ref=F", "--where", "sex=F|M");
        Assert.True(fit.ExitCode == 0, fit.Error);
        Assert.Contains("60 of 60 patients meet sex=F|M", fit.Error);
        Assert.Contains("covariate age: numeric", fit.Error);
        Assert.Contains("covariate sex: levels M", fit.Error);
        Assert.Contains("hazard ratio", fit.Output);
        string[] table = File.ReadAllLines(folder["fit/covariates.csv"]);
        Assert.Equal("covariate,coefficient,standard_error,hazard_ratio,hazard_ratio_lower,hazard_ratio_upper,p", table[0]);
        Assert.Contains(table, l => l.StartsWith("sex=M,", StringComparison.Ordinal));
        string header = File.ReadLines(folder["fit/patients.csv"]).First();
        Assert.Contains("shares_predictor", header);
        Assert.Contains("clinical_predictor", header);

        ProcessResult predict = CommandLine.Run("scsurv", "predict", "--model", folder["fit"], "--bulk", folder["bulk.h5ad"], "--out", folder["new"]);
        Assert.True(predict.ExitCode == 0, predict.Error);
        Assert.Contains("clinical_predictor", File.ReadLines(folder["new/patients.csv"]).First());
        AnnotatedData without = s_study.Value.Bulk;
        without.Obs.Remove("sex");
        H5adFile.Write(folder["other.h5ad"], without);
        ProcessResult refused = CommandLine.Run("scsurv", "predict", "--model", folder["fit"], "--bulk", folder["other.h5ad"], "--out", folder["refused"]);
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("no column 'sex'", refused.ErrorSentence());
    }

    [Fact]
    public void The_report_respects_strata_late_entry_and_weights()
    {
        using var folder = new TemporaryDirectory();
        Write(folder);
        AnnotatedData bulk = H5adFile.Read(folder["bulk.h5ad"]);
        double[] time = ((NumericColumn)bulk.Obs["survival_time"]).ToDouble();
        bulk.Obs["since"] = new NumericColumn(time.Select((t, i) => i % 3 == 0 ? 0.6 * t : 0).ToArray());
        bulk.Obs["weight"] = new NumericColumn(time.Select((_, i) => 1.0 + i % 2).ToArray());
        H5adFile.Write(folder["bulk.h5ad"], bulk);
        ProcessResult fit = Run(folder, "fit", "fit", "--draws", "2", "--strata", "sex", "--entry", "since", "--weights", "weight");
        Assert.True(fit.ExitCode == 0, fit.Error);
        JsonNode found = JsonNode.Parse(File.ReadAllText(folder["fit/metrics.json"]))!["concordance"]!;
        TextTable curves = TextTable.Read(folder["fit/survival_curves.csv"]), patients = TextTable.Read(folder["fit/patients.csv"]);
        Matches();
        Assert.Equal(0, CommandLine.Run("report", folder["fit"]).ExitCode);
        Matches();

        // Linear predictors of a model with strata can be compared within them only.
        ProcessResult predict = CommandLine.Run("scsurv", "predict", "--model", folder["fit"], "--bulk", folder["bulk.h5ad"], "--time", "survival_time", "--event", "vital_status", "--out", folder["new"]);
        Assert.True(predict.ExitCode == 0, predict.Error);
        double[] predictor = [.. TextTable.Read(folder["new/patients.csv"]).Require("linear_predictor").Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
        bool[] died = [.. patients.Require("event").Select(e => e is "1" or "True" or "true")];
        var within = new SurvivalData(time, died, strata: [.. bulk.Obs["sex"].ToText().Select(t => t == "M" ? 1 : 0)]);
        Assert.Equal(Concordance.Compute(within, predictor).Value, (double)JsonNode.Parse(File.ReadAllText(folder["new/metrics.json"]))!["concordance"]!["value"]!, 1e-9);

        // Patients count from their entry on and by weight where the user says so, under the same names as in the fit.
        predict = CommandLine.Run("scsurv", "predict", "--model", folder["fit"], "--bulk", folder["bulk.h5ad"], "--time", "survival_time", "--event", "vital_status", "--entry", "since", "--weights", "weight", "--out", folder["late"]);
        Assert.True(predict.ExitCode == 0, predict.Error);
        Assert.Contains("from their entry on, by weight", predict.Error, StringComparison.Ordinal);
        var counted = new SurvivalData(time, died, ((NumericColumn)bulk.Obs["weight"]).ToDouble(), within.Strata, ((NumericColumn)bulk.Obs["since"]).ToDouble());
        JsonNode scored = JsonNode.Parse(File.ReadAllText(folder["late/metrics.json"]))!["concordance"]!;
        Assert.Equal(Concordance.Compute(counted, predictor).Value, (double)scored["value"]!, 1e-9);
        Assert.Equal(Concordance.Compute(counted, predictor).StandardError, (double)scored["standard_error"]!, 1e-9);
        ProcessResult alone = CommandLine.Run("scsurv", "predict", "--model", folder["fit"], "--bulk", folder["bulk.h5ad"], "--weights", "weight", "--out", folder["alone"]);
        Assert.Equal(2, alone.ExitCode);
        Assert.Contains("--time and --event", alone.ErrorSentence(), StringComparison.Ordinal);
        ProcessResult late = CommandLine.Run("scsurv", "predict", "--model", folder["fit"], "--bulk", folder["bulk.h5ad"], "--time", "survival_time", "--event", "vital_status", "--entry", "survival_time", "--out", folder["alone"]);
        Assert.Equal(3, late.ExitCode);
        Assert.Contains("the entry must come before", late.ErrorSentence(), StringComparison.Ordinal);

        File.WriteAllLines(folder["fit/design.csv"], File.ReadAllLines(folder["fit/design.csv"]).SkipLast(1));
        Assert.Contains("the files belong to different runs", CommandLine.Run("report", folder["fit"]).ErrorSentence(), StringComparison.Ordinal);

        void Matches()
        {
            JsonNode section = ReportTests.Data(folder["fit/report.html"])["patients"]!;
            foreach (JsonNode? part in section["parts"]!.AsArray().Where(p => (string)p!["key"]! != "all"))
                Assert.Equal((double)found[(string)part!["key"]!]!, (double)part["concordance"]!["value"]!, 1e-12);
            // Numbers at risk at any time are those at the next listed one.
            double[] entered = ((NumericColumn)bulk.Obs["since"]).ToDouble(), weight = ((NumericColumn)bulk.Obs["weight"]).ToDouble();
            IReadOnlyList<string> groups = patients.Require("risk_group");
            foreach (JsonNode? curve in section["parts"]!.AsArray().Single(p => (string)p!["key"]! == "all")!["curves"]!.AsArray())
            {
                double[] listed = Open<double>(curve!["time"]!), atRisk = Open<double>(curve["atRisk"]!);
                foreach (double t in (double[])[listed[0] / 100, .. listed, .. listed.Zip(listed.Skip(1), (a, b) => (a + b) / 2)])
                    Assert.Equal(Enumerable.Range(0, time.Length).Sum(i => groups[i] == (string)curve["key"]! && entered[i] < t && t <= time[i] ? weight[i] : 0), atRisk[listed.TakeWhile(u => u < t).Count()], 1e-9);
            }
            Assert.Contains("infinitesimal jackknife", (string)section["groupNote"]!, StringComparison.Ordinal);
            double[] times = Open<double>(section["prediction"]!["times"]!), hazard = Open<double>(section["prediction"]!["cumulativeHazard"]!), eta = Open<double>(section["prediction"]!["linearPredictor"]!);
            int[] stratum = Open<int>(section["prediction"]!["strata"]!);
            Assert.Equal([0, 1], stratum.Distinct().Order());
            for (int i = 0; i < patients.Rows; i++)
                Assert.All(curves.Require(patients.Require("patient")[i]), (s, k) => Assert.Equal(double.Parse(s, CultureInfo.InvariantCulture), Math.Exp(-hazard[stratum[i] * times.Length + k] * Math.Exp(eta[i])), 1e-9));
        }
    }

    private static T[] Open<T>(JsonNode packed) where T : struct
    {
        using var stream = new System.IO.Compression.ZLibStream(new MemoryStream(Convert.FromBase64String((string)packed["z"]!)), System.IO.Compression.CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(bytes.ToArray()).ToArray();
    }

    [Fact]
    public void Evaluation_leaves_predictions_scores_calibration_and_net_benefit()
    {
        using var folder = new TemporaryDirectory();
        Write(folder);
        ProcessResult run = Run(folder, "evaluate", "evaluation", "--folds", "2", "--bootstrap", "20", "--covariates", "age");
        Assert.True(run.ExitCode == 0, run.Error);
        JsonObject metrics = JsonNode.Parse(File.ReadAllText(folder["evaluation/metrics.json"]))!.AsObject();
        string[] models = [.. metrics["models"]!.AsArray().Select(m => m!["model"]!.ToString())];
        Assert.Equal(["scsurv", "scsurv + covariates", "covariates", "cell types", "cell types + covariates", "everyone alike"], models);
        Assert.All(metrics["models"]!.AsArray(), m => Assert.InRange((double)m!["concordance"]!["value"]!, 0, 1));
        Assert.Equal(15, metrics["differences"]!.AsArray().Count);
        Assert.Equal("patient,fold,survival_time,event,scsurv,scsurv + covariates,covariates,cell types,cell types + covariates,everyone alike", File.ReadLines(folder["evaluation/predictions.csv"]).First());
        Assert.Equal(61, File.ReadLines(folder["evaluation/predictions.csv"]).Count());
        Documentation.NamesAllOf(folder["evaluation"]);
        foreach (string file in new[] { "calibration.csv", "decision_curve.csv", "run.log" }) Assert.True(File.Exists(folder["evaluation/" + file]), file);
        Assert.False(Directory.Exists(folder["evaluation/checkpoint"]));
        Assert.Equal(models, run.LastLine()["models"]!.AsArray().Select(m => m!["model"]!.ToString()));
    }

    [Fact]
    public void A_binary_outcome_is_fitted_and_evaluated()
    {
        using var folder = new TemporaryDirectory();
        Write(folder);
        ProcessResult fit = Run(folder, "fit", "fit", "--draws", "2", "--outcome", "binary", "--response", "severe", "--covariates", "age");
        Assert.True(fit.ExitCode == 0, fit.Error);
        Documentation.NamesAllOf(folder["fit"]);
        string header = File.ReadLines(folder["fit/patients.csv"]).First();
        Assert.Contains("probability", header);
        Assert.DoesNotContain("survival_time", header);
        Assert.Contains("odds_ratio", File.ReadLines(folder["fit/covariates.csv"]).First());
        Assert.False(File.Exists(folder["fit/survival_curves.csv"]));
        JsonNode metrics = JsonNode.Parse(File.ReadAllText(folder["fit/metrics.json"]))!;
        Assert.Equal(("binary", "severe", "yes", "no"), ((string)metrics["outcome"]!["kind"]!, (string)metrics["outcome"]!["response"]!, (string)metrics["outcome"]!["positive"]!, (string)metrics["outcome"]!["negative"]!));
        double auc = (double)metrics["scores"]!["test"]!["auc"]!;
        Assert.InRange(auc, (double)metrics["scores"]!["test"]!["auc_lower"]!, (double)metrics["scores"]!["test"]!["auc_upper"]!);
        JsonNode report = ReportTests.Data(folder["fit/report.html"]), test = report["outcome"]!["parts"]![0]!;
        Assert.Null(report["patients"]);
        Assert.Equal("Which single cells go with 'yes' of severe", (string)report["subtitle"]!);
        Assert.Equal(("test", true, auc), ((string)test["key"]!, (bool)test["heldOut"]!, (double)test["score"]!["value"]!));
        Assert.NotNull(test["roc"]);
        Assert.DoesNotContain("urviv", report["summary"]!.ToJsonString() + report["contributions"]!["note"] + report["genes"]!["colorLabel"], StringComparison.Ordinal);
        ProcessResult run = Run(folder, "evaluate", "evaluation", "--folds", "2", "--outcome", "binary", "--response", "severe");
        Assert.True(run.ExitCode == 0, run.Error);
        JsonNode first = JsonNode.Parse(File.ReadAllText(folder["evaluation/metrics.json"]))!["models"]![0]!;
        Assert.InRange((double)first["auc"]!["value"]!, 0, 1);
        Assert.True((double)first["brier"]! > 0);
    }

    [Fact]
    public void A_continuous_outcome_has_a_report_of_observed_and_expected_values_that_can_be_made_again()
    {
        using var folder = new TemporaryDirectory();
        Write(folder);
        AnnotatedData bulk = H5adFile.Read(folder["bulk.h5ad"]);
        bulk.Obs["score"] = new NumericColumn(Enumerable.Range(0, bulk.ObservationCount).Select(i => 3 + Math.Sin(5 * i)).ToArray());
        H5adFile.Write(folder["bulk.h5ad"], bulk);
        ProcessResult fit = Run(folder, "fit", "fit", "--draws", "2", "--outcome", "continuous", "--response", "score");
        Assert.True(fit.ExitCode == 0, fit.Error);
        JsonNode metrics = JsonNode.Parse(File.ReadAllText(folder["fit/metrics.json"]))!, report = ReportTests.Data(folder["fit/report.html"]), test = report["outcome"]!["parts"]![0]!;
        Assert.Null(report["patients"]);
        Assert.Equal((double)metrics["scores"]!["test"]!["r_squared"]!, (double)test["scores"]![0]!["value"]!);
        Assert.Equal("R²", (string)test["scores"]![0]!["name"]!);
        Assert.Null(test["roc"]);
        ProcessResult again = CommandLine.Run("report", folder["fit"], "--to", folder["again"]);
        Assert.True(again.ExitCode == 0, again.Error);
        JsonNode made = ReportTests.Data(folder["again/report.html"]);
        Assert.Equal((string)report["subtitle"]!, (string)made["subtitle"]!);
        Assert.True(JsonNode.DeepEquals(report["outcome"]!["parts"], made["outcome"]!["parts"]));
    }

    /// <summary>Strata may leave the few test patients without a pair: hours of training must not be lost over that.</summary>
    [Fact]
    public void A_part_of_the_cohort_without_a_pair_to_compare_has_no_concordance_and_the_fit_succeeds()
    {
        using var folder = new TemporaryDirectory();
        Write(folder);
        AnnotatedData bulk = H5adFile.Read(folder["bulk.h5ad"]);
        int n = bulk.ObservationCount;
        bulk.Obs["part"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => i % 5 == 0 ? "test" : i % 5 == 1 ? "validation" : "train")]);
        bulk.Obs["centre"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => i % 5 == 0 ? $"alone {i}" : "main")]);
        bulk.Obs["each"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => $"p{i}")]);
        bulk.Obs["none"] = new NumericColumn(new double[n]);
        bulk.Obs["same"] = new NumericColumn(Enumerable.Repeat(2.5, n).ToArray());
        H5adFile.Write(folder["bulk.h5ad"], bulk);
        ProcessResult fit = Run(folder, "fit", "fit", "--draws", "2", "--split", "part", "--strata", "centre");
        Assert.True(fit.ExitCode == 0, fit.Error);
        JsonNode concordance = JsonNode.Parse(File.ReadAllText(folder["fit/metrics.json"]))!["concordance"]!;
        Assert.Null(concordance["test"]);
        Assert.InRange((double)concordance["train"]!, 0, 1);

        // Where nobody can be compared with anybody nothing can be learned, which is said before the training.
        ProcessResult each = Run(folder, "fit", "each", "--split", "part", "--strata", "each");
        Assert.Equal(3, each.ExitCode);
        Assert.Contains("bulk.h5ad': no training patient is under observation at the death of another of the same stratum", each.ErrorSentence(), StringComparison.Ordinal);
        ProcessResult none = Run(folder, "fit", "none", "--weights", "none");
        Assert.Equal(3, none.ExitCode);
        Assert.Contains("obs column 'none': all 60 weights are 0", none.ErrorSentence(), StringComparison.Ordinal);
        ProcessResult same = Run(folder, "fit", "same", "--outcome", "continuous", "--response", "same");
        Assert.Equal(3, same.ExitCode);
        Assert.Contains("obs column 'same': all 60 patients have 2.5", same.ErrorSentence(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("binary", "severe")]
    [InlineData("continuous", "score")]
    public void Weights_of_the_fit_are_weights_of_its_scores(string kind, string response)
    {
        using var folder = new TemporaryDirectory();
        Write(folder);
        AnnotatedData bulk = H5adFile.Read(folder["bulk.h5ad"]);
        int n = bulk.ObservationCount;
        bulk.Obs["score"] = new NumericColumn(Enumerable.Range(0, n).Select(i => 3 + Math.Sin(5 * i)).ToArray());
        double[] weight = [.. Enumerable.Range(0, n).Select(i => i % 4 == 0 ? 5.0 : 1)];
        bulk.Obs["weight"] = new NumericColumn(weight);
        H5adFile.Write(folder["bulk.h5ad"], bulk);
        ProcessResult fit = Run(folder, "fit", "fit", "--draws", "2", "--outcome", kind, "--response", response, "--weights", "weight");
        Assert.True(fit.ExitCode == 0, fit.Error);
        TextTable patients = TextTable.Read(folder["fit/patients.csv"]);
        int[] train = [.. Enumerable.Range(0, n).Where(i => patients.Require("split")[i] == "train")];
        double[] Of(string column) => [.. train.Select(i => double.Parse(patients.Require(column)[i], CultureInfo.InvariantCulture))];
        double[] w = [.. train.Select(i => weight[i])], eta = Of("linear_predictor"), outcome = Of("outcome");
        JsonNode scores = JsonNode.Parse(File.ReadAllText(folder["fit/metrics.json"]))!["scores"]!["train"]!, part = ReportTests.Data(folder["fit/report.html"])["outcome"]!["parts"]!.AsArray().Single(p => (string)p!["key"]! == "train")!;
        if (kind == "binary")
        {
            BinaryScores expected = BinaryScores.Compute([.. outcome.Select(v => v == 1)], eta, weights: w);
            Assert.Equal(expected.Auc.Value, (double)scores["auc"]!, 1e-9);
            Assert.Equal(expected.Brier, (double)scores["brier_score"]!, 1e-9);
        }
        else
        {
            Assert.Equal(ContinuousScores.Compute(outcome, eta, weights: w).RSquared, (double)scores["r_squared"]!, 1e-9);
        }
        Assert.Contains("by their weight", (string)part["note"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--method published knows survival times and events only", "--method", "published", "--covariates", "age")]
    [InlineData("--outcome binary needs --response", "--outcome", "binary")]
    [InlineData("--response holds a binary or continuous outcome", "--response", "severe")]
    [InlineData("--strata is for survival", "--outcome", "binary", "--response", "severe", "--strata", "sex")]
    [InlineData("both --strata and --covariates name 'sex'", "--strata", "sex", "--covariates", "age,sex")]
    [InlineData("--covariates: the covariate 'age:spline'", "--covariates", "age:spline")]
    [InlineData("--where: the condition 'sex' cannot be read", "--where", "age=50,sex")]
    public void Options_that_make_no_sense_together_are_refused_in_a_sentence(string sentence, params string[] options)
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder["cells.h5ad"], "");
        File.WriteAllText(folder["bulk.h5ad"], "");
        foreach (string command in new[] { "fit", "evaluate" })
        {
            ProcessResult run = Run(folder, command, command, options);
            Assert.Equal(2, run.ExitCode);
            Assert.Contains(sentence, run.ErrorSentence());
            Assert.False(Directory.Exists(folder[command]));
        }
    }
}
