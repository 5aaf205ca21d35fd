using MathNet.Numerics.LinearAlgebra;

namespace Cellcast.Analysis.Embedding;

/// <summary>Principal components of a representation of few dimensions, by its covariance.</summary>
internal static class PrincipalAxes
{
    private const int BlockRows = 1024;

    /// <summary>Scores along the first components, rows x count (zeros where there are fewer dimensions), row-major; the greatest weight of each component is positive.</summary>
    public static double[] Scores(float[] points, int dimensions, int count, int threads)
    {
        int n = points.Length / dimensions, d = dimensions, found = Math.Min(count, d);
        double[] mean = Sum(n, d, threads, (i, sum) =>
        {
            for (int j = 0; j < d; j++) sum[j] += points[i * d + j];
        });
        for (int j = 0; j < d; j++) mean[j] /= n;
        double[] squares = Sum(n, d * d, threads, (i, sum) =>
        {
            Span<double> x = new double[d];
            for (int j = 0; j < d; j++) x[j] = points[i * d + j] - mean[j];
            for (int j = 0; j < d; j++) Blocks.AddScaled(x[j], x[..(j + 1)], sum.AsSpan(j * d, j + 1));
        });
        var evd = Matrix<double>.Build.Dense(d, d, (i, j) => squares[Math.Max(i, j) * d + Math.Min(i, j)] / n).Evd(Symmetricity.Symmetric);
        int[] order = [.. Enumerable.Range(0, d).OrderByDescending(i => evd.EigenValues[i].Real).Take(found)];
        var axes = new double[d * found];
        for (int c = 0; c < found; c++)
        {
            double largest = 0;
            for (int j = 0; j < d; j++)
                if (Math.Abs(evd.EigenVectors[j, order[c]]) > Math.Abs(largest)) largest = evd.EigenVectors[j, order[c]];
            for (int j = 0; j < d; j++) axes[j * found + c] = largest < 0 ? -evd.EigenVectors[j, order[c]] : evd.EigenVectors[j, order[c]];
        }
        var scores = new double[(long)n * count];
        Blocks.Ranges(n, threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
                for (int j = 0; j < d; j++)
                    for (int c = 0; c < found; c++) scores[i * count + c] += (points[i * d + j] - mean[j]) * axes[j * found + c];
        });
        return scores;
    }

    private static double[] Sum(int n, int length, int threads, Action<int, double[]> add)
    {
        int blocks = (n + BlockRows - 1) / BlockRows;
        var parts = new double[blocks][];
        Blocks.For(blocks, threads, b =>
        {
            var part = new double[length];
            for (int i = b * BlockRows; i < Math.Min(n, (b + 1) * BlockRows); i++) add(i, part);
            parts[b] = part;
        });
        var sum = new double[length];
        foreach (double[] part in parts)
            for (int j = 0; j < length; j++) sum[j] += part[j];
        return sum;
    }
}
