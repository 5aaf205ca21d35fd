using Cellcast.Analysis.Baselines;
using Cellcast.AnnData;
using Cellcast.Survival;

namespace Cellcast.Analysis.Tests;

public class MarkerSurvivalBaselineTests
{
    private const int Genes = 60, Patients = 200;

    /// <summary>Three types with 20 genes each; patients with more of type b die earlier, those with more of a later.</summary>
    private static (SparseMatrix Cells, string?[] Labels, SparseMatrix Bulk, SurvivalData Survival) Study()
    {
        var random = new Random(5);
        string?[] labels = [.. Enumerable.Range(0, 30).Select(i => "abc"[i / 10].ToString())];
        float[] cells = [.. Enumerable.Range(0, 30 * Genes).Select(i => (float)random.Next(0, i % Genes / 20 == i / Genes / 10 ? 20 : 3))];
        var bulk = new float[Patients * Genes];
        var time = new double[Patients];
        for (int s = 0; s < Patients; s++)
        {
            double[] share = [random.NextDouble(), random.NextDouble(), random.NextDouble()];
            for (int g = 0; g < Genes; g++) bulk[s * Genes + g] = (float)Math.Round(500 * share[g / 20] + random.Next(20, 40));
            time[s] = 0.01 - Math.Log(1 - random.NextDouble()) * Math.Exp(3 * (share[0] - share[1]));
        }
        return (SparseMatrix.FromDense(30, Genes, cells), labels, SparseMatrix.FromDense(Patients, Genes, bulk), new SurvivalData(time, [.. time.Select((_, i) => i % 5 > 0)]));
    }

    [Fact]
    public void Types_get_their_own_genes_and_the_sign_of_their_association_with_survival()
    {
        var (cells, labels, bulk, survival) = Study();
        var fit = MarkerSurvivalBaseline.Train(cells, labels, bulk, survival, markers: 10);
        Assert.Equal(["a", "b", "c"], fit.Types);
        for (int t = 0; t < 3; t++)
        {
            Assert.Equal(10, fit.MarkersOf(t).Count);
            Assert.All(fit.MarkersOf(t), g => Assert.Equal(t, g / 20));
        }
        Assert.True(fit.Contributions[0] < -0.2 && fit.Contributions[1] > 0.2 && Math.Abs(fit.Contributions[2]) < 0.15, string.Join(' ', fit.Contributions));
        Assert.InRange(Concordance.Compute(survival, fit.Predict(bulk)).Value, 0.7, 1);
    }

    [Fact]
    public void Scores_are_standardised_on_the_training_patients_and_a_patient_scores_the_same_alone()
    {
        var (cells, labels, bulk, survival) = Study();
        var fit = MarkerSurvivalBaseline.Train(cells, labels, bulk, survival);
        double[,] all = fit.Scores(bulk), one = fit.Scores(bulk.SelectRows([17]));
        for (int t = 0; t < 3; t++)
        {
            double[] column = [.. Enumerable.Range(0, Patients).Select(i => all[i, t])];
            Assert.Equal(0, column.Average(), 1e-9);
            Assert.Equal(1, column.Average(v => v * v), 1e-9);
            Assert.Equal(all[17, t], one[0, t], 1e-12);
        }
        Assert.Equal(fit.Predict(bulk)[17], fit.Predict(bulk.SelectRows([17]))[0], 1e-12);
    }

    [Fact]
    public void What_cannot_be_used_is_said()
    {
        var (cells, labels, bulk, survival) = Study();
        Assert.Contains("1 patients with counts", Assert.Throws<InputException>(() => MarkerSurvivalBaseline.Train(cells, labels, bulk.SelectRows([0]), survival)).Message, StringComparison.Ordinal);
        Assert.Contains("5 genes", Assert.Throws<InputException>(() => MarkerSurvivalBaseline.Train(cells, labels, bulk.SelectColumns([0, 1, 2, 3, 4]), survival)).Message, StringComparison.Ordinal);
        var nobody = new SurvivalData([.. survival.Time], new bool[Patients]);
        Assert.Contains("has an event", Assert.Throws<SurvivalDataException>(() => MarkerSurvivalBaseline.Train(cells, labels, bulk, nobody)).Message, StringComparison.Ordinal);
    }
}
