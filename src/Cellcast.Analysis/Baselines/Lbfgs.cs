namespace Cellcast.Analysis.Baselines;

/// <summary>Minimises a smooth function by limited-memory BFGS with a line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 7.5, 3.5, 3.6).</summary>
internal static class Lbfgs
{
    private const int Memory = 10;
    private const double Decrease = 1e-4, Curvature = 0.9;

    /// <summary>Value of the function and its gradient at a point.</summary>
    public delegate double Objective(double[] point, double[] gradient);

    /// <summary>Whether a point with this value and gradient is good enough.</summary>
    public delegate bool Criterion(double value, double[] gradient);

    /// <param name="Point">The best point.</param>
    /// <param name="Value">The function there.</param>
    /// <param name="Iterations">Steps.</param>
    /// <param name="Converged">Whether the criterion was met.</param>
    /// <param name="Stalled">Whether there is no descent left at this precision.</param>
    /// <param name="LargestDerivative">At the point.</param>
    public readonly record struct Outcome(double[] Point, double Value, int Iterations, bool Converged, bool Stalled, double LargestDerivative);

    public static Outcome Minimize(Objective objective, double[] start, Criterion ends, int maxIterations, CancellationToken cancellation)
    {
        int n = start.Length;
        double[] x = [.. start], g = new double[n], direction = new double[n], trial = new double[n], trialGradient = new double[n];
        double f = objective(x, g);
        var pairs = new List<Pair>(Memory);
        var spare = new Pair(n); // arrays go round: they are large, and new ones every step would keep the collector busy
        bool stalled = false;
        int iteration = 0;
        for (; iteration < maxIterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (ends(f, g)) return new(x, f, iteration, true, false, Largest(g));
            Direction(g, pairs, direction);
            double slope = Blocks.Dot(direction, g);
            if (!(slope < 0))
            {
                pairs.Clear();
                Negate(g, direction);
                slope = -Blocks.Dot(g, g);
            }
            double first = pairs.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(-slope)) : 1;
            var (step, value) = Search(objective, x, f, slope, direction, first, trial, trialGradient);
            if (stalled = step == 0) break;
            if (spare.Set(trial, x, trialGradient, g))
            {
                pairs.Add(spare);
                spare = pairs.Count > Memory ? pairs[0] : new Pair(n);
                if (pairs.Count > Memory) pairs.RemoveAt(0);
            }
            (x, trial) = (trial, x);
            (g, trialGradient) = (trialGradient, g);
            f = value;
        }
        return new(x, f, iteration, ends(f, g), stalled, Largest(g));
    }

    /// <summary>A step and what it did to the gradient.</summary>
    private sealed class Pair(int n)
    {
        public readonly double[] S = new double[n], Y = new double[n];
        public double Product, Scale;

        /// <summary>False when curvature along the step is nothing but rounding.</summary>
        public bool Set(double[] point, double[] before, double[] gradient, double[] gradientBefore)
        {
            for (int i = 0; i < S.Length; i++)
            {
                S[i] = point[i] - before[i];
                Y[i] = gradient[i] - gradientBefore[i];
            }
            Product = Blocks.Dot(S, Y);
            double squares = Blocks.Dot(Y, Y);
            Scale = Product / squares;
            return Product > 1e-14 * Math.Sqrt(Blocks.Dot(S, S) * squares);
        }
    }

    private static void Direction(double[] g, List<Pair> pairs, double[] d)
    {
        Negate(g, d);
        Span<double> alpha = stackalloc double[pairs.Count];
        for (int k = pairs.Count - 1; k >= 0; k--)
        {
            alpha[k] = Blocks.Dot(pairs[k].S, d) / pairs[k].Product;
            Blocks.AddScaled(-alpha[k], pairs[k].Y, d);
        }
        if (pairs.Count > 0)
            for (int i = 0; i < d.Length; i++) d[i] *= pairs[^1].Scale;
        for (int k = 0; k < pairs.Count; k++) Blocks.AddScaled(alpha[k] - Blocks.Dot(pairs[k].Y, d) / pairs[k].Product, pairs[k].S, d);
    }

    private static void Negate(double[] g, double[] d)
    {
        for (int i = 0; i < g.Length; i++) d[i] = -g[i];
    }

    /// <summary>A step that fulfils the strong Wolfe conditions; the point and gradient there are left in <paramref name="point"/> and <paramref name="gradient"/>. 0 when none is found.</summary>
    private static (double Step, double Value) Search(Objective objective, double[] x, double f0, double slope0, double[] direction, double first, double[] point, double[] gradient)
    {
        double Evaluate(double a, out double slope)
        {
            for (int i = 0; i < x.Length; i++) point[i] = x[i] + a * direction[i];
            double value = objective(point, gradient);
            slope = Blocks.Dot(gradient, direction);
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

    /// <summary>The largest of the absolute values.</summary>
    public static double Largest(ReadOnlySpan<double> v)
    {
        double most = 0;
        foreach (double e in v) most = Math.Max(most, Math.Abs(e));
        return most;
    }
}
