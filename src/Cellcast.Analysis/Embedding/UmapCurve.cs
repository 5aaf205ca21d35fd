namespace Cellcast.Analysis.Embedding;

/// <summary>The curve 1 / (1 + a d^(2b)) nearest to UMAP's target: 1 up to the smallest distance, then falling exponentially with the spread.</summary>
internal static class UmapCurve
{
    private const int Points = 300;

    /// <summary>Least squares on 300 distances up to three times the spread, by Levenberg's and Marquardt's method.</summary>
    public static (double A, double B) Fit(double minimumDistance, double spread)
    {
        var (a, b, damping) = (1.0, 1.0, 1e-3);
        double error = Error(a, b, minimumDistance, spread);
        for (int step = 0; step < 500 && damping < 1e12; step++)
        {
            double aa = 0, ab = 0, bb = 0, ra = 0, rb = 0;
            for (int i = 1; i < Points; i++)
            {
                double x = X(i, spread), p = Math.Pow(x, 2 * b), f = 1 / (1 + a * p), r = Target(x, minimumDistance, spread) - f;
                double da = -p * f * f, db = -2 * a * p * Math.Log(x) * f * f;
                aa += da * da;
                ab += da * db;
                bb += db * db;
                ra += da * r;
                rb += db * r;
            }
            double m = aa * (1 + damping), n = bb * (1 + damping), det = m * n - ab * ab;
            double stepA = (n * ra - ab * rb) / det, stepB = (m * rb - ab * ra) / det;
            double after = a + stepA > 0 && b + stepB > 0 ? Error(a + stepA, b + stepB, minimumDistance, spread) : double.PositiveInfinity;
            if (!(after <= error))
            {
                damping *= 4;
                continue;
            }
            (a, b, damping) = (a + stepA, b + stepB, damping / 4);
            if (Math.Abs(stepA) < 1e-12 * a && Math.Abs(stepB) < 1e-12 * b) break;
            error = after;
        }
        return (a, b);
    }

    private static double X(int i, double spread) => 3 * spread * i / (Points - 1);

    private static double Target(double x, double minimumDistance, double spread) => x < minimumDistance ? 1 : Math.Exp(-(x - minimumDistance) / spread);

    private static double Error(double a, double b, double minimumDistance, double spread)
    {
        double sum = 0;
        for (int i = 0; i < Points; i++)
        {
            double x = X(i, spread), r = Target(x, minimumDistance, spread) - 1 / (1 + a * Math.Pow(x, 2 * b));
            sum += r * r;
        }
        return sum;
    }
}
