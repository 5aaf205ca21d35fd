namespace Cellcast.Analysis.Baselines;

/// <summary>Minimises a smooth function by limited-memory BFGS with a line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 7.5, 3.5, 3.6).</summary>
internal static class Lbfgs
{
    private const int Memory = 10;
    private const double Decrease = 1e-4, Curvature = 0.9;

    /// <summary>Value of the function and its gradient at a point.</summary>
    public delegate double Objective(double[] point, double[] gradient);

    public readonly record struct Outcome(double[] Point, double Value, int Iterations, bool Converged);

    public static Outcome Minimize(Objective objective, double[] start, double gradientTolerance, int maxIterations, CancellationToken cancellation)
    {
        int n = start.Length;
        double[] x = [.. start], g = new double[n], direction = new double[n], trial = new double[n], trialGradient = new double[n];
        double f = objective(x, g);
        var s = new List<double[]>();
        var y = new List<double[]>();
        int iteration = 0;
        for (; iteration < maxIterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Largest(g) <= gradientTolerance) return new(x, f, iteration, true);
            Direction(g, s, y, direction);
            double slope = Dot(direction, g);
            if (!(slope < 0))
            {
                s.Clear();
                y.Clear();
                for (int i = 0; i < n; i++) direction[i] = -g[i];
                slope = -Dot(g, g);
            }
            double first = s.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(-slope)) : 1;
            var (step, value) = Search(objective, x, f, slope, direction, first, trial, trialGradient);
            if (step == 0) return new(x, f, iteration, Largest(g) <= 100 * gradientTolerance); // no descent left at this precision
            double[] ds = new double[n], dy = new double[n];
            for (int i = 0; i < n; i++)
            {
                ds[i] = trial[i] - x[i];
                dy[i] = trialGradient[i] - g[i];
            }
            if (Dot(ds, dy) > 1e-14 * Math.Sqrt(Dot(ds, ds) * Dot(dy, dy)))
            {
                if (s.Count == Memory)
                {
                    s.RemoveAt(0);
                    y.RemoveAt(0);
                }
                s.Add(ds);
                y.Add(dy);
            }
            (x, trial) = (trial, x);
            (g, trialGradient) = (trialGradient, g);
            f = value;
        }
        return new(x, f, iteration, Largest(g) <= gradientTolerance);
    }

    private static void Direction(double[] g, List<double[]> s, List<double[]> y, double[] d)
    {
        for (int i = 0; i < g.Length; i++) d[i] = -g[i];
        var alpha = new double[s.Count];
        for (int k = s.Count - 1; k >= 0; k--)
        {
            alpha[k] = Dot(s[k], d) / Dot(s[k], y[k]);
            Blocks.AddScaled(-alpha[k], y[k], d);
        }
        if (s.Count > 0)
        {
            double scale = Dot(s[^1], y[^1]) / Dot(y[^1], y[^1]);
            for (int i = 0; i < d.Length; i++) d[i] *= scale;
        }
        for (int k = 0; k < s.Count; k++)
        {
            double beta = Dot(y[k], d) / Dot(s[k], y[k]);
            Blocks.AddScaled(alpha[k] - beta, s[k], d);
        }
    }

    /// <summary>A step that fulfils the strong Wolfe conditions; the point and gradient there are left in <paramref name="point"/> and <paramref name="gradient"/>. 0 when none is found.</summary>
    private static (double Step, double Value) Search(Objective objective, double[] x, double f0, double slope0, double[] direction, double first, double[] point, double[] gradient)
    {
        double Evaluate(double a, out double slope)
        {
            for (int i = 0; i < x.Length; i++) point[i] = x[i] + a * direction[i];
            double value = objective(point, gradient);
            slope = Dot(gradient, direction);
            return value;
        }

        // Bracket: low is the better end, high the end at which the function has risen again.
        double low = 0, lowValue = f0, lowSlope = slope0, high = double.NaN, highValue = double.NaN, a = first, previous = 0, previousValue = f0, previousSlope = slope0;
        for (int k = 0; k < 30; k++)
        {
            double value = Evaluate(a, out double slope);
            if (!(value <= f0 + Decrease * a * slope0) || (k > 0 && value >= previousValue))
            {
                (low, lowValue, lowSlope, high, highValue) = (previous, previousValue, previousSlope, a, value);
                break;
            }
            if (Math.Abs(slope) <= -Curvature * slope0) return (a, value);
            if (slope >= 0)
            {
                (low, lowValue, lowSlope, high, highValue) = (a, value, slope, previous, previousValue);
                break;
            }
            (previous, previousValue, previousSlope) = (a, value, slope);
            a *= 2;
        }
        if (double.IsNaN(high)) return (0, f0);
        for (int k = 0; k < 40; k++)
        {
            // Minimum of the parabola through the better end, kept away from both ends.
            double width = high - low, parabola = low - lowSlope * width * width / (2 * (highValue - lowValue - lowSlope * width));
            double near = low + 0.1 * width, far = low + 0.9 * width;
            a = double.IsFinite(parabola) ? Math.Clamp(parabola, Math.Min(near, far), Math.Max(near, far)) : low + 0.5 * width;
            double value = Evaluate(a, out double slope);
            if (!(value <= f0 + Decrease * a * slope0) || value >= lowValue) (high, highValue) = (a, value);
            else
            {
                if (Math.Abs(slope) <= -Curvature * slope0) return (a, value);
                if (slope * (high - low) >= 0) (high, highValue) = (low, lowValue);
                (low, lowValue, lowSlope) = (a, value, slope);
            }
            if (Math.Abs(high - low) <= 1e-14 * Math.Max(1, Math.Abs(low))) break;
        }
        return low > 0 && lowValue < f0 ? (low, Evaluate(low, out _)) : (0, f0);
    }

    private static double Dot(double[] a, double[] b) => Blocks.Dot(a, b);

    private static double Largest(double[] v)
    {
        double most = 0;
        foreach (double e in v) most = Math.Max(most, Math.Abs(e));
        return most;
    }
}
