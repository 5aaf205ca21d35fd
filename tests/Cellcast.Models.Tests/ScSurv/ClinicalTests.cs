using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Simulation;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>Covariates, strata and other outcomes beside the shares; cross-validation of a cohort.</summary>
public sealed class ClinicalTests : IDisposable
{
    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    // A simulated study whose patients have an age, a site and a sex in obs; age multiplies the hazard.
    private static readonly Lazy<SimulatedStudy> s_study = new(() => StudySimulator.Simulate(new SimulationParameters
    {
        Cells = 90,
        Genes = 60,
        Types = 3,
        Families = 2,
        GradientTypes = 1,
        Samples = 2,
        Patients = 150,
        Spots = 0,
        CellDepth = 300,
        BulkDepth = 5000,
        PlatformEffect = 0.1,
    }, seed: 1));

    private const double AgeEffect = 1.2;

    private static AnnotatedData Bulk(Func<int, double>? timeFactor = null)
    {
        AnnotatedData given = s_study.Value.Bulk;
        int n = given.ObservationCount;
        double[] z = [.. Enumerable.Range(0, n).Select(i => Math.Sin(1.7 * i) + Math.Cos(0.9 * i))], time = [.. ((NumericColumn)given.Obs["survival_time"]).ToDouble()];
        bool[] died = OutcomeColumns.Events(given, "vital_status");
        var obs = new DataFrame(given.Obs.Index);
        obs["age"] = new NumericColumn(z.Select(v => 60 + 10 * v).ToArray());
        obs["sex"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => i % 3 == 0 ? "M" : "F")]);
        obs["site"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, n).Select(i => i % 2 == 0 ? "north" : "south")]);
        obs["survival_time"] = new NumericColumn(time.Select((t, i) => t * Math.Exp(-AgeEffect * z[i]) * (i % 2 == 0 ? 1 : 4) * (timeFactor?.Invoke(i) ?? 1)).ToArray());
        obs["vital_status"] = CategoricalColumn.FromLabels([.. died.Select(d => d ? "Dead" : "Alive")]);
        obs["entry"] = new NumericColumn(time.Select((t, i) => 0.1 * t * Math.Exp(-AgeEffect * z[i]) * (i % 4 == 0 ? 1 : 0)).ToArray());
        obs["severe"] = CategoricalColumn.FromLabels([.. z.Select((v, i) => v + Math.Sin(5.3 * i) > 0 ? "yes" : "no")]);
        obs["score"] = new NumericColumn(z.Select((v, i) => 5 + 2 * v + Math.Sin(5.3 * i)).ToArray());
        return new AnnotatedData(obs, given.Var, given.X!) { Source = "bulk.h5ad" };
    }

    private static ScSurvInputs Inputs(ClinicalDesign design, AnnotatedData? bulk = null) => new() { Reference = s_study.Value.Cells, Bulk = bulk ?? Bulk(), SampleColumn = "sample", LabelColumn = "label", Design = design };

    private (ScSurvData Data, ScSurvResults Results, ScSurvModel Model) Fit(ClinicalDesign design)
    {
        ScSurvData data = ScSurvPreparation.Prepare(Inputs(design), Cohort.Quick, NoProgress.Instance);
        ScSurvFit fit = ScSurvModel.Fit(_device, data, Cohort.Quick, new NoCheckpoints(), null, NoProgress.Instance, default);
        return (data, ScSurvResults.Collect(_device, fit, data, NoProgress.Instance), fit.Model);
    }

    [Fact]
    public void Covariates_are_told_apart_from_the_shares_and_known_again_by_name()
    {
        var (data, results, model) = Fit(new ClinicalDesign { Covariates = CovariateRequest.ParseList("age,sex"), Strata = "site" });
        CovariateEffect age = results.Clinical!.Effects[0];
        Assert.Equal("age", age.Name);
        Assert.InRange(AgeEffect / 10, age.Lower - age.StandardError, age.Upper + age.StandardError);
        Assert.InRange(results.Clinical.Effects[1].PValue, 1e-4, 1);
        double[] clinical = results.Clinical.Predictors(data.Covariates!.Values, data.Patients.Count);
        for (int s = 0; s < data.Patients.Count; s++) Assert.Equal(results.SharesPredictor[s] + clinical[s], results.LinearPredictor[s], 1e-10);
        // Patients of the southern site live four times as long: at equal risk they survive better.
        double middle = data.Time.Order().ElementAt(data.Time.Length / 2);
        Assert.True(results.Baselines[1].At(middle) < results.Baselines[0].At(middle));

        using var folder = new TemporaryDirectory();
        model.Save(folder.Path);
        ScSurvModel loaded = ScSurvModel.Load(folder.Path, _device);
        AnnotatedData bulk = Bulk();
        double[] again = loaded.Clinical!.Predictors(bulk, NoProgress.Instance);
        for (int s = 0; s < again.Length; s++) Assert.Equal(clinical[s], again[s], 1e-12);
        Assert.Equal(results.Baselines[1].At(middle), loaded.Clinical.BaselinesOf(bulk, loaded.Risk!.Hazard, NoProgress.Instance)[1].At(middle));
        Assert.Equal(results.Clinical.Effects, loaded.Clinical.Effects);
        bulk.Obs.Remove("age");
        Assert.Contains("no column 'age'", Assert.Throws<InputException>(() => loaded.Clinical.Predictors(bulk, NoProgress.Instance)).Message);
    }

    [Fact]
    public void Without_a_design_nothing_changes()
    {
        var (_, results, model) = Fit(new ClinicalDesign());
        Assert.Null(model.Clinical);
        Assert.Equal(results.SharesPredictor, results.LinearPredictor);
        // Weights of 1 and entries at 0 are no design either.
        AnnotatedData bulk = Bulk();
        bulk.Obs["w"] = new NumericColumn(Enumerable.Repeat(1.0, bulk.ObservationCount).ToArray());
        bulk.Obs["zero"] = new NumericColumn(new double[bulk.ObservationCount]);
        ScSurvData data = ScSurvPreparation.Prepare(Inputs(new ClinicalDesign { Weights = "w", Entry = "zero" }, bulk), Cohort.Quick, NoProgress.Instance);
        ScSurvFit fit = ScSurvModel.Fit(_device, data, Cohort.Quick, new NoCheckpoints(), null, NoProgress.Instance, default);
        double[] eta = ScSurvResults.Collect(_device, fit, data, NoProgress.Instance).LinearPredictor;
        for (int s = 0; s < eta.Length; s++) Assert.Equal(results.LinearPredictor[s], eta[s], 1e-5);
    }

    [Theory, InlineData(OutcomeKind.Binary, "severe"), InlineData(OutcomeKind.Continuous, "score")]
    public void Other_outcomes_have_their_own_likelihood(OutcomeKind kind, string column)
    {
        var (data, results, model) = Fit(new ClinicalDesign { Kind = kind, Response = column, Covariates = CovariateRequest.ParseList("age") });
        Assert.Equal(kind, results.Outcome.Kind);
        CovariateEffect age = results.Clinical!.Effects[0];
        Assert.True(age.Lower > 0);
        int[] train = data.Learned(HazardMethod.Smooth);
        if (kind == OutcomeKind.Binary) Assert.True(BinaryScores.Compute(((BinaryOutcome)results.Outcome).Values, results.LinearPredictor).Auc.Value > 0.8);
        else
        {
            Assert.InRange(0.2, age.Lower - age.StandardError, age.Upper + age.StandardError);
            Assert.Equal(0.5, results.Clinical.Variance!.Value, 0.2);
            // On the whole the predictions are neither too high nor too low.
            Assert.Equal(train.Average(i => ((ContinuousOutcome)results.Outcome).Values[i]), train.Average(i => results.LinearPredictor[i]), 1e-6);
        }
        using var folder = new TemporaryDirectory();
        model.Save(folder.Path);
        Assert.Equal(results.Clinical.Predictors(Bulk(), NoProgress.Instance), ScSurvModel.Load(folder.Path, _device).Clinical!.Predictors(Bulk(), NoProgress.Instance));
    }

    [Fact]
    public void Patients_held_out_have_no_say_in_what_is_predicted_of_them_and_finished_folds_are_kept()
    {
        var design = new ClinicalDesign { Covariates = CovariateRequest.ParseList("age,sex") };
        var kept = new Kept();
        EvaluatedCohort first = CohortEvaluation.Run(_device, Inputs(design), Cohort.Quick, 3, kept, NoProgress.Instance, default, 1);
        Assert.Equal([CohortEvaluation.ScSurv, CohortEvaluation.ScSurv + CohortEvaluation.With, CohortEvaluation.Covariates, CohortEvaluation.CellTypes, CohortEvaluation.CellTypes + CohortEvaluation.With, CohortEvaluation.Everyone],
            first.Models.Select(m => m.Model));
        // Again with two folds done: the third is run alone and says the same.
        FoldPredictions third = kept.Folds[2];
        kept.Folds.Remove(2);
        EvaluatedCohort resumed = CohortEvaluation.Run(_device, Inputs(design), Cohort.Quick, 3, kept, NoProgress.Instance, default, 2);
        Assert.Equal(third.Models.Select(m => m.LinearPredictor), kept.Folds[2].Models.Select(m => m.LinearPredictor));
        for (int m = 0; m < first.Models.Count; m++) Assert.Equal(first.Models[m].LinearPredictor, resumed.Models[m].LinearPredictor);

        // The patients of the third fold now live ten times as long: what was said of them stays, to the last bit.
        var other = new Kept { Folds = { [0] = kept.Folds[0], [1] = kept.Folds[1] } };
        CohortEvaluation.Run(_device, Inputs(design, Bulk(i => first.Fold[i] == 2 ? 10 : 1)), Cohort.Quick, 3, other, NoProgress.Instance, default, 1);
        Assert.Equal(third.Models.Select(m => m.LinearPredictor), other.Folds[2].Models.Select(m => m.LinearPredictor));

        // Age decides here, and the scores say so.
        var (scores, _) = HeldOutScores.Survival(((SurvivalOutcome)first.Outcome).Data, first.Fold, first.Models, first.Times!, Tensors.Random.RandomKey.From(1, "b"), 20, 1);
        Assert.True(scores[2].Harrell.Value > scores[3].Harrell.Value + 0.05);
        Assert.True(scores[1].Harrell.Value > 0.65);
        Assert.Equal(0.5, scores[5].Harrell.Value);
    }

    [Fact]
    public void Designs_with_late_entry_are_evaluated_by_Harrells_concordance_alone()
    {
        EvaluatedCohort cohort = CohortEvaluation.Run(_device, Inputs(new ClinicalDesign { Entry = "entry" }), Cohort.Quick, 2, new Kept(), NoProgress.Instance, default, 1);
        var (scores, _) = HeldOutScores.Survival(((SurvivalOutcome)cohort.Outcome).Data, cohort.Fold, cohort.Models, cohort.Times!, Tensors.Random.RandomKey.From(1, "b"), 10, 1);
        Assert.All(scores, s => Assert.Null(s.Uno));
        Assert.All(scores, s => Assert.Null(s.Brier));
        Assert.InRange(scores[0].Harrell.Value, 0.2, 0.9);
    }

    private sealed class Kept : IFoldStore
    {
        internal Dictionary<int, FoldPredictions> Folds { get; init; } = [];

        public FoldPredictions? Load(int fold) => Folds.GetValueOrDefault(fold);

        public void Save(FoldPredictions predictions) => Folds[predictions.Fold] = predictions;

        public (ICheckpointStore Store, Snapshot? Resume) Training(int fold) => (new NoCheckpoints(), null);
    }
}
