using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Tests.Clinical;

public class CovariateDesignTests
{
    private const string File = "cohort.h5ad";

    private static DataFrame Cohort()
    {
        var obs = new DataFrame([.. Enumerable.Range(1, 8).Select(i => $"p{i}")]);
        obs["age"] = new NumericColumn((double[])[50, 60, 70, 40, double.NaN, 80, 1000, 55]);
        obs["sex"] = CategoricalColumn.FromLabels(["F", "M", "F", "F", "M", null, "F", "M"]);
        obs["stage"] = new StringColumn(["II", "I", "II", "not reported", "I", "II", "III", null]);
        obs["grade"] = new NumericColumn((int[])[1, 2, 1, 2, 1, 2, 1, 2]);
        return obs;
    }

    private static readonly int[] s_training = [0, 1, 2, 3, 4, 5];

    private static CovariateDesign Fit(string list, MissingCovariates missing = MissingCovariates.Indicator) =>
        CovariateDesign.Fit(Cohort(), File, CovariateRequest.ParseList(list), s_training, missing);

    [Fact]
    public void Numbers_are_standardised_by_the_training_patients_and_missing_ones_say_so()
    {
        var design = Fit("age");
        // Known: 40 50 60 70 80, median 60, which stands for the missing one: mean 60, variance (400 + 100 + 0 + 100 + 400 + 0) / 6.
        Assert.Equal(["age", "age missing"], design.Terms.Select(t => t.Name));
        Assert.Equal(60, design.Terms[0].Mean);
        Assert.Equal(Math.Sqrt(1000 / 6.0), design.Terms[0].Scale, 1e-12);
        double[] x = design.Apply(Cohort(), File);
        Assert.Equal(0, x[4 * 2], 1e-12);
        Assert.Equal(1 - 1 / 6.0, x[4 * 2 + 1], 1e-12);
        Assert.Equal((1000 - 60) / design.Terms[0].Scale, x[6 * 2], 1e-12);
        for (int j = 0; j < 2; j++) Assert.Equal(0, s_training.Sum(i => x[i * 2 + j]), 1e-12);
        Assert.Contains("median 60 with an indicator", Assert.Single(design.Notes));
    }

    [Fact]
    public void Levels_are_compared_with_the_most_frequent_one_or_the_one_asked_for()
    {
        Assert.Equal(["sex=M", "sex=(missing)"], Fit("sex").Terms.Select(t => t.Name));
        Assert.Contains("against F (3)", Fit("sex").Notes[0]);
        Assert.Equal(["stage=I", "stage=(missing)"], Fit("stage").Terms.Select(t => t.Name));
        Assert.Equal(["stage=II", "stage=(missing)"], Fit("stage:ref=I").Terms.Select(t => t.Name));
        Assert.Equal(["grade"], Fit("grade").Terms.Select(t => t.Name));
        Assert.Equal(["grade=2"], Fit("grade:categorical").Terms.Select(t => t.Name));
        // Undoing the centring gives zeros and ones.
        var design = Fit("sex");
        double[] x = design.Apply(Cohort(), File);
        Assert.Equal([0, 1, 0, 0, 1, 0, 0, 1], Enumerable.Range(0, 8).Select(i => Math.Round(x[2 * i] + design.Terms[0].Mean, 12)));
    }

    [Fact]
    public void Without_indicators_missing_values_are_the_median_or_the_most_frequent_level()
    {
        var design = Fit("age,sex", MissingCovariates.Median);
        Assert.Equal(["age", "sex=M"], design.Terms.Select(t => t.Name));
        double[] x = design.Apply(Cohort(), File);
        Assert.Equal(0, x[4 * 2], 1e-12);
        Assert.Equal(-design.Terms[1].Mean, x[5 * 2 + 1], 1e-12);
        Assert.Contains("patient 'p5' (row 5) is missing", Message(() => Fit("age", MissingCovariates.Refuse)));
    }

    [Fact]
    public void New_patients_are_read_by_name_and_filled_with_a_word_about_it()
    {
        var design = CovariateDesign.Fit(Cohort(), File, CovariateRequest.ParseList("grade,age"), [0, 1, 2, 3, 5], MissingCovariates.Indicator);
        var fresh = new DataFrame(["a", "b"]);
        fresh["age"] = new NumericColumn((double[])[double.NaN, 45]);
        fresh["other"] = new NumericColumn((double[])[1, 2]);
        fresh["grade"] = new NumericColumn((int[])[2, 1]);
        var said = new List<string>();
        double[] x = design.Apply(fresh, "new.h5ad", warn: said.Add);
        Assert.Equal((60 - design.Terms[1].Mean) / design.Terms[1].Scale, x[1], 1e-12);
        Assert.Contains("'new.h5ad', obs column 'age': missing in 1 of 2 patients", Assert.Single(said));
        fresh.Remove("grade");
        Assert.Contains("no column 'grade'", Message(() => design.Apply(fresh, "new.h5ad")));
    }

    [Fact]
    public void A_level_that_nobody_had_in_training_is_refused_or_taken_as_missing()
    {
        var design = Fit("stage");
        Assert.Contains("patient 'p7' (row 7) has 'III', which no training patient has; the levels are 'II', 'I', '(missing)'", Message(() => design.Apply(Cohort(), File)));
        var said = new List<string>();
        double[] x = design.Apply(Cohort(), File, UnknownLevels.AsMissing, said.Add);
        Assert.Equal(1 - design.Terms[1].Mean, x[6 * 2 + 1], 1e-12);
        Assert.Contains("'III' is a level that no training patient has", Assert.Single(said));
    }

    [Fact]
    public void Held_out_patients_change_nothing()
    {
        var other = Cohort();
        ((double[])((NumericColumn)other["age"]).Values)[6] = -5;
        var a = Fit("age,sex,stage");
        var b = CovariateDesign.Fit(other, File, CovariateRequest.ParseList("age,sex,stage"), s_training);
        Assert.Equal(a.Terms, b.Terms);
        Assert.Equal(a.Notes, b.Notes);
    }

    [Fact]
    public void Columns_missing_in_the_same_patients_share_one_indicator()
    {
        var obs = Cohort();
        obs["weight"] = new NumericColumn((double[])[70, 60, 80, 75, double.NaN, 66, 70, 70]);
        var design = CovariateDesign.Fit(obs, File, CovariateRequest.ParseList("age,weight"), s_training);
        Assert.Equal(["age", "age missing", "weight"], design.Terms.Select(t => t.Name));
    }

    [Fact]
    public void What_cannot_be_a_covariate_is_said()
    {
        var obs = Cohort();
        obs["same"] = new NumericColumn((int[])[7, 7, 7, 7, 7, 7, 8, 9]);
        obs["empty"] = new StringColumn([null, "NA", "", "[Not Available]", "unknown", null, "x", "y"]);
        CovariateDesign Of(string list) => CovariateDesign.Fit(obs, File, CovariateRequest.ParseList(list), s_training);
        Assert.Contains("all training patients have 7", Message(() => Of("same")));
        Assert.Contains("missing in all 6 training patients", Message(() => Of("empty")));
        Assert.Contains("patient 'p1' (row 1) has 'II', which is no finite number", Message(() => Of("stage:numeric")));
        Assert.Contains("no training patient has the reference level 'IV'", Message(() => Of("stage:ref=IV")));
        Assert.Contains("too many", Message(() => Of("age:categorical")));
        Assert.Contains("no column 'size'", Message(() => Of("size")));
        Assert.Contains("empty name", Message(() => CovariateRequest.ParseList("age,,sex")));
        Assert.Contains("twice", Message(() => CovariateRequest.ParseList("age,age")));
        Assert.Contains("'spline' after the colon", Message(() => CovariateRequest.ParseList("age:spline")));
    }

    [Fact]
    public void Patients_are_chosen_by_conditions()
    {
        Assert.Equal([1, 4, 7], PatientFilter.Rows(Cohort(), File, "sex=M"));
        Assert.Equal([0, 2, 3, 6], PatientFilter.Rows(Cohort(), File, "sex!=M"));
        Assert.Equal([1, 4], PatientFilter.Rows(Cohort(), File, "sex = M, stage=I|II"));
        Assert.Contains("no patient has 'X'; it has 'F', 'M'", Message(() => PatientFilter.Rows(Cohort(), File, "sex=X")));
        Assert.Contains("cannot be read", Message(() => PatientFilter.Rows(Cohort(), File, "sex")));
        Assert.Contains("no patient meets", Message(() => PatientFilter.Rows(Cohort(), File, "sex=M,stage=III")));
    }

    private static string Message(Action act)
    {
        string message = Assert.Throws<InputException>(act).Message;
        Assert.EndsWith(".", message);
        return message;
    }

    private static string Message(Func<object> act) => Message(() => { act(); });
}
