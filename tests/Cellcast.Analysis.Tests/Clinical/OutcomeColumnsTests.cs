using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.Survival;

namespace Cellcast.Analysis.Tests.Clinical;

public class OutcomeColumnsTests
{
    private static AnnotatedData Cohort()
    {
        var obs = new DataFrame(["a", "b", "c", "d"]);
        obs["survival_time"] = new NumericColumn((double[])[5, 3, 9, 2]);
        obs["vital_status"] = CategoricalColumn.FromLabels(["Dead", "Alive", "Deceased", "Dead"]);
        obs["site"] = CategoricalColumn.FromLabels(["x", "y", "x", "y"]);
        obs["entry"] = new NumericColumn((double[])[0, 1, 4, 0]);
        obs["w"] = new NumericColumn((double[])[1, 0.5, 2, 1]);
        obs["severe"] = new StringColumn(["yes", "no", "no", "yes"]);
        obs["arm"] = new StringColumn(["treated", "control", "control", "treated"]);
        obs["crp"] = new NumericColumn((float[])[1.5f, 2, 8, 4]);
        return new AnnotatedData(obs, new DataFrame(["g"]), new DenseMatrix(4, 1, (float[])[1, 1, 1, 1])) { Source = "cohort.h5ad" };
    }

    [Fact]
    public void Survival_has_strata_entry_times_and_weights()
    {
        var outcome = Assert.IsType<SurvivalOutcome>(OutcomeColumns.Read(Cohort(), new OutcomeRequest { Strata = "site", Entry = "entry", Weights = "w" }));
        Assert.Equal([5, 3, 9, 2], outcome.Data.Time.ToArray());
        Assert.Equal([true, false, true, true], outcome.Data.Event.ToArray());
        Assert.Equal([0, 1, 0, 1], outcome.Data.Strata.ToArray());
        Assert.Equal([0, 1, 4, 0], outcome.Data.Entry.ToArray());
        Assert.Equal([1, 0.5, 2, 1], outcome.Data.Weights.ToArray());
        Assert.Equal(3, outcome.Information);
        Assert.Equal([9, 5], ((SurvivalOutcome)outcome.Subset([2, 0])).Data.Time.ToArray());
    }

    [Fact]
    public void Binary_and_continuous_outcomes_are_read()
    {
        var severe = Assert.IsType<BinaryOutcome>(OutcomeColumns.Read(Cohort(), new OutcomeRequest { Kind = OutcomeKind.Binary, Response = "severe", Weights = "w" }));
        Assert.Equal([true, false, false, true], severe.Values);
        Assert.Equal([1, 0.5, 2, 1], severe.Weights!);
        Assert.Equal([true, false, false, true], OutcomeColumns.Binary(Cohort(), "arm"));
        var crp = Assert.IsType<ContinuousOutcome>(OutcomeColumns.Read(Cohort(), new OutcomeRequest { Kind = OutcomeKind.Continuous, Response = "crp" }));
        Assert.Equal([1.5, 2, 8, 4], crp.Values);
        Assert.IsType<GaussianLikelihood>(crp.CreateLikelihood());
        Assert.IsType<LogisticLikelihood>(severe.CreateLikelihood());
    }

    [Fact]
    public void Values_that_cannot_be_used_name_the_patient()
    {
        var cohort = Cohort();
        string Message(OutcomeRequest request) => Assert.Throws<InputException>(() => OutcomeColumns.Read(cohort, request)).Message;
        Assert.Contains("two levels, but this column has 4", Message(new() { Kind = OutcomeKind.Binary, Response = "crp" }));
        Assert.Contains("patient 'a' (row 1) has outcome 'yes', which is no finite number", Message(new() { Kind = OutcomeKind.Continuous, Response = "severe" }));
        Assert.Contains("neither strata nor entry times", Message(new() { Kind = OutcomeKind.Binary, Response = "severe", Strata = "site" }));
        Assert.Contains("needs the column", Message(new() { Kind = OutcomeKind.Continuous }));
        Assert.Contains("no column 'when'", Message(new() { Time = "when" }));
        cohort.Obs["late"] = new NumericColumn((double[])[0, 3, 0, 0]);
        Assert.Contains("patient 'b' (row 2) enters at 3 but is followed to 3 only", Message(new() { Entry = "late" }));
        cohort.Obs["negative"] = new NumericColumn((double[])[0, -3, 0, 0]);
        Assert.Contains("patient 'b' (row 2) has weight -3", Message(new() { Weights = "negative" }));
        cohort.Obs["gap"] = new StringColumn(["x", null, "x", "y"]);
        Assert.Contains("patient 'b' (row 2) belongs to no stratum", Message(new() { Strata = "gap" }));
    }
}
