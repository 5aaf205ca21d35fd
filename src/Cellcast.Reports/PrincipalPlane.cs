namespace Cellcast.Reports;

/// <summary>The plane in which a latent state of few dimensions varies most: its first two principal components. What a report shows when no
/// embedding was computed.</summary>
public static class PrincipalPlane
{
    /// <summary>Projects rows on the first two principal components.</summary>
    /// <param name="latent">Rows x dimensions, row by row; finite.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="name">Name of the latent state.</param>
    /// <returns>Coordinates around the mean; each component's sign is such that its greatest weight is positive.</returns>
    public static Embedding Of(float[] latent, int rows, string name)
    {
        ArgumentNullException.ThrowIfNull(latent);
        if (rows < 1 || latent.Length % rows != 0) throw new ArgumentException($"{latent.Length} values are no matrix of {rows} rows", nameof(latent));
        int z = latent.Length / rows;
        var mean = new double[z];
        for (int i = 0; i < latent.Length; i++) mean[i % z] += latent[i] / (double)rows;
        var covariance = new double[z * z];
        for (int r = 0; r < rows; r++)
            for (int a = 0; a < z; a++)
            {
                double x = latent[r * z + a] - mean[a];
                for (int b = 0; b <= a; b++) covariance[a * z + b] += x * (latent[r * z + b] - mean[b]) / Math.Max(1, rows - 1);
            }
        for (int a = 0; a < z; a++)
            for (int b = 0; b < a; b++) covariance[b * z + a] = covariance[a * z + b];
        var (values, vectors) = Eigen(covariance, z);
        int[] order = [.. Enumerable.Range(0, z).OrderByDescending(k => values[k]).ThenBy(k => k)];
        double total = values.Where(v => v > 0).Sum();
        float[][] at = [new float[rows], new float[rows]];
        string[] label = ["", ""];
        for (int c = 0; c < 2; c++)
        {
            if (c >= z) continue;
            int k = order[c];
            double[] w = [.. Enumerable.Range(0, z).Select(a => vectors[a * z + k])];
            if (w.MaxBy(Math.Abs) < 0) w = [.. w.Select(v => -v)];
            for (int r = 0; r < rows; r++)
            {
                double sum = 0;
                for (int a = 0; a < z; a++) sum += w[a] * (latent[r * z + a] - mean[a]);
                at[c][r] = (float)sum;
            }
            label[c] = $"component {c + 1} ({(total > 0 ? values[k] / total : 0):P0} of the variance)";
        }
        return new Embedding($"principal components of {name}", label[0], label[1], at[0], at[1], $"The first two principal components of the latent state {name}.");
    }

    /// <summary>Eigenvalues and eigenvectors (columns) of a small symmetric matrix by Jacobi's rotations.</summary>
    private static (double[] Values, double[] Vectors) Eigen(double[] matrix, int n)
    {
        double[] a = [.. matrix], v = new double[n * n];
        for (int i = 0; i < n; i++) v[i * n + i] = 1;
        double size = a.Sum(x => x * x);
        for (int sweep = 0; sweep < 60; sweep++)
        {
            double off = 0;
            for (int p = 0; p < n; p++)
                for (int q = 0; q < p; q++) off += a[p * n + q] * a[p * n + q];
            if (off <= 1e-26 * size) break;
            for (int p = 0; p < n; p++)
                for (int q = p + 1; q < n; q++) Rotate(a, v, n, p, q);
        }
        return ([.. Enumerable.Range(0, n).Select(i => a[i * n + i])], v);
    }

    private static void Rotate(double[] a, double[] v, int n, int p, int q)
    {
        if (a[p * n + q] == 0) return;
        double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        double t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt(theta * theta + 1)), c = 1 / Math.Sqrt(t * t + 1), s = t * c;
        for (int k = 0; k < n; k++)
        {
            double x = a[k * n + p], y = a[k * n + q];
            (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
        }
        for (int k = 0; k < n; k++)
        {
            double x = a[p * n + k], y = a[q * n + k];
            (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
            (x, y) = (v[k * n + p], v[k * n + q]);
            (v[k * n + p], v[k * n + q]) = (c * x - s * y, s * x + c * y);
        }
    }
}
