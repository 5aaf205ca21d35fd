using System.Globalization;
using Cellcast.AnnData;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Preprocessing;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

public class PrincipalComponentsTests
{
    private static SparseMatrix Random(int rows, int columns, int seed, int rank = 5)
    {
        var random = new Random(seed);
        double[] a = [.. Enumerable.Range(0, rows * rank).Select(_ => random.NextDouble())], b = [.. Enumerable.Range(0, columns * rank).Select(_ => random.NextDouble() * 3)];
        var x = new float[rows * columns];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
            {
                double sum = random.NextDouble();
                for (int k = 0; k < rank; k++) sum += a[i * rank + k] * b[j * rank + k] * (rank - k);
                x[i * columns + j] = random.Next(3) == 0 ? (float)sum : 0;
            }
        return SparseMatrix.FromDense(rows, columns, x);
    }

    [Fact]
    public void Variances_and_scores_are_those_of_scanpy()
    {
        var fixture = new Fixture("preprocess", "scanpy_1_9_5.safetensors");
        var expression = Normalization.LogNormalize(fixture.Sparse("counts"), 1e4);
        var pca = PrincipalComponents.Fit(expression, 20);
        Close.To(fixture.Doubles("pca/variance"), pca.Variances, 1e-6, "variance");
        Close.To(fixture.Doubles("pca/variance_ratio"), [.. pca.Variances.Select(v => v / pca.TotalVariance)], 1e-6, "share");
        float[] expected = fixture.Floats("pca/abs_scores"), scores = pca.Transform(expression);
        for (int k = 0; k < expected.Length; k++) Assert.Equal(expected[k], Math.Abs(scores[k]), 2e-3);
    }

    [ToolFact("sklearn")]
    public void Variances_are_those_of_scikit_learn_and_of_scaled_genes_too()
    {
        var x = Random(90, 60, 3);
        string values = string.Join(',', x.ToDense().Select(v => v.ToString("R", CultureInfo.InvariantCulture)));
        var run = ExternalTool.RunPython($"""
            import numpy as np
            from sklearn.decomposition import PCA
            x = np.array({$"[{values}]"}, np.float32).astype(float).reshape(90, 60)
            for y in (x, (x - x.mean(0)) / x.std(0, ddof=1)):
                p = PCA(20, svd_solver='full').fit(y)
                print(*p.explained_variance_, *p.explained_variance_ratio_)
            """);
        Assert.True(run.ExitCode == 0, run.Error);
        string[] lines = run.Output.Trim().Split('\n');
        foreach (var (line, matrix, tolerance) in new[] { (lines[0], x, 1e-9), (lines[1], ScaledExpression.Of(x, limit: null).AboveZero, 1e-6) })
        {
            double[] expected = [.. line.Split(' ').Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
            var pca = PrincipalComponents.Fit(matrix, 20);
            Close.To(expected[..20], pca.Variances, tolerance, "variance");
            Close.To(expected[20..], [.. pca.Variances.Select(v => v / pca.TotalVariance)], tolerance, "share");
        }
    }

    [Theory, InlineData(300, 250), InlineData(120, 400)]
    public void Components_are_eigenvectors_of_the_covariance(int rows, int columns)
    {
        var x = Random(rows, columns, 1);
        var pca = PrincipalComponents.Fit(x, 8, threads: 1);
        double[] scores = Array.ConvertAll(pca.Transform(x), s => (double)s);
        for (int c = 0; c < 8; c++)
        {
            double[] own = [.. Enumerable.Range(0, rows).Select(i => scores[i * 8 + c])];
            Assert.Equal(0, own.Average(), 1e-4);
            Close.To(pca.Variances[c], own.Sum(v => v * v) / (rows - 1), 1e-5);
            // A'A v = lambda v, and unit length.
            double length = Enumerable.Range(0, columns).Sum(g => pca.Loading(g, c) * pca.Loading(g, c)), worst = 0;
            Assert.Equal(1, length, 1e-10);
            for (int g = 0; g < columns; g += 37)
            {
                double product = Enumerable.Range(0, rows).Sum(i => (x[i, g] - pca.Means[g]) * own[i]) / (rows - 1);
                worst = Math.Max(worst, Math.Abs(product - pca.Variances[c] * pca.Loading(g, c)));
            }
            Assert.True(worst < 1e-4 * pca.Variances[c], $"component {c}: {worst} of {pca.Variances[c]}");
        }
        var again = PrincipalComponents.Fit(x, 8, threads: 3);
        Assert.Equal(pca.Variances, again.Variances);
        Assert.Equal(scores, Array.ConvertAll(again.Transform(x), s => (double)s));
    }

    [Fact]
    public void More_components_than_there_are_is_an_error()
    {
        Assert.Contains("at most 3", Assert.Throws<InputException>(() => PrincipalComponents.Fit(Random(4, 9, 2), 4)).Message);
        var pca = PrincipalComponents.Fit(Random(40, 9, 2), 9);
        Assert.Equal(pca.TotalVariance, pca.Variances.Sum(), 1e-8);
        Assert.Throws<InputException>(() => pca.Transform(Random(4, 8, 2)));
    }
}
