namespace Cellcast.Analysis.Baselines;

/// <summary>
/// Minimises |A x - b|^2 over x >= 0 by the active set method of Lawson and Hanson (1974) on the normal equations (Bro and de Jong 1997).
/// Deterministic: of equal gradients the first column enters.
/// </summary>
public static class NonNegativeLeastSquares
{
    private const double RelativeTolerance = 1e-12;

    /// <summary>Solves one problem.</summary>
    /// <param name="gram">A'A, p x p, row-major.</param>
    /// <param name="target">A'b, p values.</param>
    /// <returns>x, p values of at least 0.</returns>
    public static double[] Solve(ReadOnlySpan<double> gram, ReadOnlySpan<double> target)
    {
        int p = target.Length;
        if (gram.Length != p * p) throw new ArgumentException($"{p} unknowns need {p * p} products, not {gram.Length}", nameof(gram));
        double[] x = new double[p], w = target.ToArray(), l = new double[p * p], s = new double[p];
        double tolerance = 0;
        foreach (double t in target) tolerance = Math.Max(tolerance, RelativeTolerance * Math.Abs(t));
        var active = new List<int>(p); // columns with x > 0, in the order they entered
        var blocked = new bool[p];
        for (int round = 0; round < 10 * p + 10; round++)
        {
            int enter = -1;
            for (int j = 0; j < p; j++)
                if (!active.Contains(j) && !blocked[j] && w[j] > tolerance && (enter < 0 || w[j] > w[enter])) enter = j;
            if (enter < 0) break;
            active.Add(enter);
            if (!TrySolve(gram, target, active, p, l, s) || s[enter] <= 0)
            {
                // A combination of the columns already in: it cannot improve the fit.
                active.Remove(enter);
                blocked[enter] = true;
                continue;
            }
            while (active.Exists(j => s[j] <= 0))
            {
                double step = 1;
                foreach (int j in active)
                    if (s[j] <= 0) step = Math.Min(step, x[j] / (x[j] - s[j]));
                foreach (int j in active) x[j] += step * (s[j] - x[j]);
                foreach (int j in active.Where(j => s[j] <= 0 && x[j] <= 1e-14 * Math.Abs(s[j])).ToArray())
                {
                    active.Remove(j);
                    x[j] = 0;
                }
                if (active.Count == 0 || !TrySolve(gram, target, active, p, l, s)) break;
            }
            foreach (int j in active) x[j] = Math.Max(0, s[j]);
            Array.Clear(blocked);
            for (int j = 0; j < p; j++)
            {
                double sum = target[j];
                foreach (int k in active) sum -= gram[j * p + k] * x[k];
                w[j] = sum;
            }
        }
        return x;
    }

    /// <summary>Least squares over the active columns by Cholesky; false when they are dependent.</summary>
    private static bool TrySolve(ReadOnlySpan<double> gram, ReadOnlySpan<double> target, List<int> active, int p, double[] l, double[] s)
    {
        int m = active.Count;
        for (int a = 0; a < m; a++)
        {
            for (int b = 0; b <= a; b++)
            {
                double sum = gram[active[a] * p + active[b]];
                for (int k = 0; k < b; k++) sum -= l[a * p + k] * l[b * p + k];
                if (a != b) l[a * p + b] = sum / l[b * p + b];
                else if (sum > 1e-12 * gram[active[a] * p + active[a]]) l[a * p + a] = Math.Sqrt(sum);
                else return false;
            }
        }
        Span<double> y = stackalloc double[m];
        for (int a = 0; a < m; a++)
        {
            double sum = target[active[a]];
            for (int k = 0; k < a; k++) sum -= l[a * p + k] * y[k];
            y[a] = sum / l[a * p + a];
        }
        for (int a = m - 1; a >= 0; a--)
        {
            double sum = y[a];
            for (int k = a + 1; k < m; k++) sum -= l[k * p + a] * s[active[k]];
            s[active[a]] = sum / l[a * p + a];
        }
        return true;
    }
}
