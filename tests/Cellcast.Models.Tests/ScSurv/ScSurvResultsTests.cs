using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>What the numbers in the results mean, so that users can recompute one from another.</summary>
public sealed class ScSurvResultsTests
{
    [Theory]
    [InlineData(HazardMethod.Published)]
    [InlineData(HazardMethod.Smooth)]
    public void Results_follow_from_each_other(HazardMethod method)
    {
        using var device = new CpuDevice(2);
        ScSurvData data = Cohort.Make(spots: true);
        ScSurvFit fit = ScSurvModel.Fit(device, data, Cohort.Quick with { Method = method }, new NoCheckpoints(), null, NoProgress.Instance, default);
        ScSurvResults r = ScSurvResults.Collect(device, fit, data, NoProgress.Instance);
        int n = Cohort.Cells, patients = Cohort.Patients, spots = r.Spots.Count;
        float[] shares = r.PatientShares.ToArray(), spotShares = r.SpotShares!.ToArray();

        Assert.Equal(0, r.Contribution.Min());
        for (int c = 0; c < n; c++) Assert.Equal(r.RawContribution[c] - r.RawContribution.Min(), r.Contribution[c], 6);
        for (int s = 0; s < patients; s++)
        {
            Assert.Equal(1, Enumerable.Range(0, n).Sum(c => (double)shares[c * patients + s]), 5);
            Assert.Equal(r.LinearPredictor[s], Enumerable.Range(0, n).Sum(c => (double)shares[c * patients + s] * r.RawContribution[c]) + (r.UnexplainedPredictor.Length > 0 ? r.UnexplainedPredictor[s] : 0), 1e-6);
        }
        double center = data.Learned(method).Average(s => r.LinearPredictor[s]);
        for (int s = 0; s < patients; s++) Assert.Equal(Math.Exp(r.LinearPredictor[s] - center), r.Risk[s], 9);
        int[] train = data.Learned(method);
        Assert.Equal(method == HazardMethod.Smooth, r.ContributionInterval is not null);
        Assert.InRange(train.Count(s => r.HighRisk[s]), train.Length / 2 - 1, train.Length / 2 + 1);

        Assert.Equal(1, r.SpotHazard.Average(), 9);
        double[] hazard = [.. Enumerable.Range(0, spots).Select(q => Math.Exp(Enumerable.Range(0, n).Sum(c => (double)spotShares[c * spots + q] * r.Contribution[c])))];
        for (int q = 0; q < spots; q++) Assert.Equal(hazard[q] / hazard.Average(), r.SpotHazard[q], 6);
        Assert.Equal(method == HazardMethod.Smooth, r.SpotLogHazard is not null);
        for (int q = 0; q < spots && r.SpotLogHazard is { } log; q++) Assert.True(log.Mean[q] == Math.Log(r.SpotHazard[q]) && log.StandardDeviation[q] > 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_outcome_of_held_out_patients_reaches_nothing_that_is_said_of_patients(bool refit)
    {
        using var device = new CpuDevice(2);
        ScSurvData data = Cohort.Make();
        int[] held = data.PatientsIn(Split.Test);
        double[] time = [.. data.Time];
        bool[] died = [.. data.Event];
        foreach (int i in held) (time[i], died[i]) = (1000 / data.Time[i], true);
        ScSurvData other = data with { Time = time, Event = died };
        var (a, model) = Collect(data);
        var (b, otherModel) = Collect(other);

        Assert.Equal(a.LinearPredictor, b.LinearPredictor);
        Assert.Equal(a.LinearPredictorInterval!.StandardDeviation, b.LinearPredictorInterval!.StandardDeviation);
        Assert.Equal(a.Risk, b.Risk);
        Assert.Equal(a.HighRisk, b.HighRisk);
        Assert.Equal(a.RiskScale.Hazard.LogCumulativeHazard, b.RiskScale.Hazard.LogCumulativeHazard);
        Assert.Equal(a.Concordance[Split.Train]!.Value, b.Concordance[Split.Train]!.Value);
        // Contributions, and the model for new patients, have learned from them or not, and say so.
        Assert.Equal(!refit, a.RawContribution.SequenceEqual(b.RawContribution));
        Assert.Equal(refit ? [.. Enumerable.Range(0, Cohort.Patients)] : data.Learned(HazardMethod.Smooth), a.ContributionPatients);
        Assert.Equal(a.ContributionPatients.Select(i => data.Patients.Names[i]), model.LearnedFrom);
        double[] Eta(ScSurvModel m) => m.Predict(device, data.Patients.Select([0, 1, 2]), null, NoProgress.Instance, default).LinearPredictor.Mean;
        Assert.Equal(!refit, Eta(model).SequenceEqual(Eta(otherModel)));
        Assert.Equal(!refit, model.Risk!.Hazard.LogCumulativeHazard.SequenceEqual(otherModel.Risk!.Hazard.LogCumulativeHazard));

        (ScSurvResults, ScSurvModel) Collect(ScSurvData of)
        {
            ScSurvFit fit = ScSurvModel.Fit(device, of, Cohort.Quick, new NoCheckpoints(), null, NoProgress.Instance, default);
            return (ScSurvResults.Collect(device, fit, of, NoProgress.Instance, refit: refit), fit.Model);
        }
    }

    [Fact]
    public void Results_are_the_same_where_counts_are_packed_and_nothing_fits_in_memory()
    {
        using var device = new CpuDevice(2);
        using var dir = new TemporaryDirectory();
        var nothing = new ScratchSpace(0, () => dir.Path);
        ScSurvData held = Cohort.Make(spots: true), packed = held with { Cells = held.Cells with { Counts = PackedMatrix.Of(held.Cells.Counts, nothing) } };
        Assert.True(((PackedMatrix)packed.Cells.Counts).IsSpilled);
        ScSurvFit a = ScSurvModel.Fit(device, held, Cohort.Quick, new NoCheckpoints(), null, NoProgress.Instance, default), b = ScSurvModel.Fit(device, packed, Cohort.Quick, new NoCheckpoints(), null, NoProgress.Instance, default);
        ScSurvResults r = ScSurvResults.Collect(device, a, held, NoProgress.Instance), s = ScSurvResults.Collect(device, b, packed, NoProgress.Instance, nothing);
        Assert.False(s.PatientShares.IsHeld);
        Assert.Equal(r.PatientShares.ToArray(), s.PatientShares.ToArray());
        Assert.Equal(r.SpotShares!.ToArray(), s.SpotShares!.ToArray());
        Assert.Equal(r.RawContribution, s.RawContribution);
        Assert.Equal(r.LinearPredictor, s.LinearPredictor);
        Assert.Equal(r.Fit, s.Fit);
        // A run that began with counts in memory may go on with packed ones.
        Assert.Equal(a.Stages.Select(x => x.Best), b.Stages.Select(x => x.Best));
    }

    [Fact]
    public void Patients_are_split_by_event_in_the_stated_shares() =>
        Prop.ForAll(Gen.Choose(10, 120).ToArbitrary(), Gen.Choose(10, 120).ToArbitrary(), Gen.Choose(0, 1000).ToArbitrary(), (died, censored, seed) =>
        {
            bool[] events = [.. Enumerable.Range(0, died + censored).Select(i => i < died)];
            Split[] splits = Splits.OfPatients(events, 0.6, 0.2, Tensors.Random.RandomKey.From(seed, "test"));
            bool Near(Split s, bool e, double share) =>
                Math.Abs(Enumerable.Range(0, events.Length).Count(i => events[i] == e && splits[i] == s) - share * (e ? died : censored)) <= 1;
            return Near(Split.Train, true, .6) && Near(Split.Train, false, .6) && Near(Split.Validation, true, .2) && Near(Split.Validation, false, .2) && Near(Split.Test, true, .2);
        }).CheckOnRandomCases();

    [Fact]
    public void Too_few_events_are_refused_with_the_number_that_is_needed()
    {
        bool[] events = [.. Enumerable.Range(0, 50).Select(i => i < 3)];
        var e = Assert.Throws<InputException>(() => Splits.OfPatients(events, 0.6, 0.2, Tensors.Random.RandomKey.From(0, "test")));
        Assert.Contains("3 events among 50 patients", e.Message, StringComparison.Ordinal);
        Assert.Contains("events in all", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Dead", true)]
    [InlineData("ALIVE", false)]
    [InlineData("1", true)]
    [InlineData("0.0", false)]
    [InlineData("True", true)]
    [InlineData("deceased", true)]
    public void Events_are_understood_in_all_usual_words(string word, bool expected)
    {
        var obs = new DataFrame(["p"]);
        obs.Set("status", new string[] { word });
        Assert.Equal([expected], OutcomeColumns.Events(new AnnotatedData(obs, new DataFrame([])), "status"));
    }

    [Theory]
    [InlineData("maybe", "has status 'maybe'")]
    [InlineData(null, "has no status")]
    public void An_event_that_is_none_is_refused_by_patient_and_row(string? word, string reason)
    {
        var obs = new DataFrame(["first", "second"]);
        obs["status"] = new StringColumn(["Dead", word]);
        var e = Assert.Throws<InputException>(() => OutcomeColumns.Events(new AnnotatedData(obs, new DataFrame([])) { Source = "cohort.h5ad" }, "status"));
        Assert.Contains("'cohort.h5ad', obs column 'status': patient 'second' (row 2) " + reason, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.0, "must be above 0")]
    [InlineData(-3.0, "must be above 0")]
    [InlineData(double.NaN, "no survival time")]
    [InlineData(double.PositiveInfinity, "no finite number")]
    public void A_survival_time_that_cannot_be_is_refused_by_patient_and_row(double time, string reason)
    {
        var obs = new DataFrame(["first", "second"]);
        obs.Set("days", new[] { 10.0, time });
        var e = Assert.Throws<InputException>(() => OutcomeColumns.Times(new AnnotatedData(obs, new DataFrame([])), "days"));
        Assert.Contains("'second' (row 2)", e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }
}
