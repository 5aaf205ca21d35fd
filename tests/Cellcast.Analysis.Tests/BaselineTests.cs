using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Analysis.Baselines;
using Cellcast.Analysis.Statistics;
using Cellcast.Survival;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Analysis.Tests;

public class BaselineTests
{
    /// <summary>x is the solution if and only if it is not negative, the gradient is not negative where x is 0 and is 0 elsewhere.</summary>
    [Fact]
    public void Non_negative_least_squares_fulfils_the_conditions_of_a_minimum() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            int p = random.Next(1, 12), n = random.Next(1, 20); // fewer equations than unknowns as well
            double[,] a = new double[n, p];
            double[] b = [.. Enumerable.Range(0, n).Select(_ => 2 * random.NextDouble() - (random.Next(2) == 0 ? 1 : 0))];
            for (int i = 0; i < n; i++)
                for (int j = 0; j < p; j++) a[i, j] = random.Next(4) == 0 && j > 0 ? a[i, j - 1] : random.NextDouble() - (random.Next(3) == 0 ? 0.5 : 0);
            double[] gram = new double[p * p], target = new double[p];
            for (int j = 0; j < p; j++)
            {
                for (int i = 0; i < n; i++) target[j] += a[i, j] * b[i];
                for (int k = 0; k < p; k++)
                    for (int i = 0; i < n; i++) gram[j * p + k] += a[i, j] * a[i, k];
            }
            double[] x = NonNegativeLeastSquares.Solve(gram, target);
            for (int j = 0; j < p; j++)
            {
                double gradient = Enumerable.Range(0, p).Sum(k => gram[j * p + k] * x[k]) - target[j];
                Assert.True(x[j] >= 0);
                Assert.True(gradient >= -1e-7, $"seed {seed}: column {j} has gradient {gradient}");
                if (x[j] > 0) Assert.Equal(0, gradient, 1e-7);
            }
        }).CheckOnRandomCases(2000);

    [Fact]
    public void Mixtures_of_profiles_are_taken_apart_exactly()
    {
        var random = new Random(1);
        float[] cells = [.. Enumerable.Range(0, 3 * 40).Select(_ => (float)random.Next(1, 50))];
        string?[] labels = ["b", "a", "c"];
        double[][] shares = [[0.2, 0.5, 0.3], [0, 1, 0], [0.9, 0, 0.1]]; // of a, b, c
        var raw = new TypeDeconvolutionOptions { NormalizeCells = false };
        float[] bulk = [.. shares.SelectMany(s => Enumerable.Range(0, 40).Select(g => (float)(1000 * (s[0] * cells[40 + g] + s[1] * cells[g] + s[2] * cells[80 + g]))))];
        var deconvolution = TypeDeconvolution.FromLabels(SparseMatrix.FromDense(3, 40, cells), labels, raw);
        Assert.Equal(["a", "b", "c"], deconvolution.Types);
        double[,] found = deconvolution.Shares(SparseMatrix.FromDense(3, 40, bulk));
        for (int s = 0; s < 3; s++)
            for (int t = 0; t < 3; t++) Assert.Equal(shares[s][t], found[s, t], 1e-5);
    }

    [Fact]
    public void What_cannot_be_taken_apart_is_said()
    {
        var cells = SparseMatrix.FromDense(2, 2, [1, 0, 2, 0]);
        string Message(Action act) => Assert.Throws<InputException>(act).Message;
        Assert.Contains("1 labels but 2 cells", Message(() => TypeDeconvolution.FromLabels(cells, ["a"])));
        Assert.Contains("no cell has a label", Message(() => TypeDeconvolution.FromLabels(cells, [null, null])));
        Assert.Contains("no counts", Message(() => TypeDeconvolution.FromLabels(SparseMatrix.FromDense(1, 1, [0]), ["a"])));
        var d = TypeDeconvolution.FromLabels(cells, ["a", "b"]);
        Assert.Contains("3 genes", Message(() => d.Shares(SparseMatrix.FromDense(1, 3, [1, 1, 1]))));
        Assert.Contains("sample 1", Message(() => d.Shares(SparseMatrix.FromDense(2, 2, [1, 1, 0, 7]))));
        Assert.Contains("2 patients with counts but 1", Message(() => TypeSurvivalBaseline.Train(cells, ["a", "b"], cells, new SurvivalData([1], [true]))));
    }

    private sealed record Truth(AnnotatedData Cells, AnnotatedData Bulk, string[] Labels, SurvivalData Survival)
    {
        public static Truth Read(string name)
        {
            var cells = H5adFile.Read(TestPaths.SharedData(name + "_cells.h5ad"));
            var bulk = H5adFile.Read(TestPaths.SharedData(name + "_bulk.h5ad"));
            double[] time = ((NumericColumn)bulk.Obs["survival_time"]).ToDouble();
            bool[] dead = [.. bulk.Obs["vital_status"].ToText().Select(s => s == "Dead")];
            return new Truth(cells, bulk, cells.Obs["label"].ToText()!, new SurvivalData(time, dead));
        }

        /// <summary>Known mean contribution of the cells of each type.</summary>
        public double[] ContributionOf(IEnumerable<string> types)
        {
            double[] beta = ((NumericColumn)Cells.Obs["true_beta"]).ToDouble();
            return [.. types.Select(t => Enumerable.Range(0, Labels.Length).Where(i => Labels[i] == t).Average(i => beta[i]))];
        }
    }

    /// <summary>The figures that any model has to beat: contribution of the types, shares per patient, concordance of patients not trained on.</summary>
    [SharedDataTheory("simulated_truth_cells.h5ad", "simulated_truth_bulk.h5ad", "simulated_gradient_cells.h5ad", "simulated_gradient_bulk.h5ad")]
    [InlineData("simulated_truth", 0.89, 0.98, 0.62)]
    [InlineData("simulated_gradient", 0.79, 0.98, 0.51)] // types alone explain little here: the full fit reaches .557 on its own patients
    public void The_simple_way_reaches_what_it_is_known_to_reach(string name, double contribution, double share, double concordance)
    {
        var truth = Truth.Read(name);
        SparseMatrix cells = truth.Cells.MatrixOf().ToSparse(), bulk = truth.Bulk.MatrixOf().ToSparse();
        var fit = TypeSurvivalBaseline.Train(cells, truth.Labels, bulk, truth.Survival);
        Assert.InRange(Correlation.Pearson(truth.ContributionOf(fit.Types), fit.Contributions).Coefficient, contribution, 1);

        double[,] shares = fit.Shares(bulk, threads: 1);
        Assert.Equal(shares, fit.Shares(bulk, threads: 2));
        var types = (string[])((NdArray)truth.Bulk.Uns["types"]).Data;
        double[] known = ((DenseMatrix)truth.Bulk.Obsm["true_proportions"]).ToDouble();
        double[] r = [.. Enumerable.Range(0, bulk.Rows).Select(s => Correlation.Pearson([.. types.Select((_, t) => known[s * types.Length + t])],
            [.. types.Select(t => shares[s, Array.IndexOf([.. fit.Types], t)])]).Coefficient).Order()];
        Assert.InRange(r[r.Length / 2], share, 1);

        double sum = 0;
        for (int fold = 0; fold < 5; fold++)
        {
            int[] train = [.. Enumerable.Range(0, bulk.Rows).Where(s => s % 5 != fold)], test = [.. Enumerable.Range(0, bulk.Rows).Where(s => s % 5 == fold)];
            var part = TypeSurvivalBaseline.Train(cells, truth.Labels, bulk.SelectRows(train), truth.Survival.Subset(train));
            sum += Concordance.Compute(truth.Survival.Subset(test), part.Predict(bulk.SelectRows(test))).Value;
        }
        Assert.InRange(sum / 5, concordance, 1);
        double[] cellwise = fit.ContributionOf(truth.Labels);
        Assert.Equal(fit.Contributions[Array.IndexOf([.. fit.Types], truth.Labels[0])], cellwise[0]);
        Assert.True(double.IsNaN(fit.ContributionOf(["no such type"])[0]));
    }
}
