namespace Cellcast.Tensors.Kernels;

public static partial class Reference
{
    private const double HalfLogTwoPi = 0.91893853320467274178;

    /// <summary>log(1 + exp(x)) for any x.</summary>
    public static double Softplus(double x) => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x)));

    /// <summary>1 / (1 + exp(-x)).</summary>
    public static double Sigmoid(double x)
    {
        double e = Math.Exp(-Math.Abs(x));
        return x >= 0 ? 1 / (1 + e) : e / (1 + e);
    }

    /// <summary>log(1 + x), accurate for small x.</summary>
    public static double LogOnePlus(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : double.IsInfinity(u) ? u : Math.Log(u) * (x / (u - 1));
    }

    /// <summary>The error function, to about 1e-15: Maclaurin series below 2.5, continued fraction (Abramowitz and Stegun 7.1.14) above.</summary>
    public static double Erf(double x) => Math.Abs(x) < 2.5 ? ErfSeries(x) : x > 0 ? 1 - Erfc(x) : Erfc(-x) - 1;

    /// <summary>1 - erf(x) without cancellation for large x.</summary>
    public static double Erfc(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x < 0) return 2 - Erfc(-x);
        if (x < 2) return 1 - ErfSeries(x);
        if (x > 27) return 0;
        double f = 0;
        for (int n = 200; n >= 1; n--) f = n / 2.0 / (x + f);
        return Math.Exp(-x * x) / (Math.Sqrt(Math.PI) * (x + f));
    }

    private static double ErfSeries(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 200; n++)
        {
            term *= -x * x / n;
            double next = sum + term / (2 * n + 1);
            if (next == sum) break;
            sum = next;
        }
        return sum * 2 / Math.Sqrt(Math.PI);
    }

    /// <summary>x Phi(x), Phi the normal distribution function.</summary>
    public static double Gelu(double x) => 0.5 * x * Erfc(-x / Math.Sqrt(2));

    /// <summary>d/dx x Phi(x) = Phi(x) + x phi(x).</summary>
    public static double GeluDerivative(double x) => 0.5 * Erfc(-x / Math.Sqrt(2)) + x * Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    /// <summary>0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).</summary>
    public static double GeluTanh(double x) => x * Sigmoid(2 * Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));

    /// <summary>Derivative of <see cref="GeluTanh"/>.</summary>
    public static double GeluTanhDerivative(double x)
    {
        double u = 2 * Math.Sqrt(2 / Math.PI), s = Sigmoid(u * (x + 0.044715 * x * x * x));
        return s + x * s * (1 - s) * u * (1 + 3 * 0.044715 * x * x);
    }

    /// <summary>log Gamma(x), x > 0: recurrence up to 16, then Stirling's series.</summary>
    public static double LogGamma(double x)
    {
        if (!(x > 0)) return x == 0 ? double.PositiveInfinity : double.NaN;
        if (double.IsPositiveInfinity(x)) return x;
        if (x < 1e-8) return -Math.Log(x) - 0.57721566490153286 * x;
        double p = 1;
        while (x < 16) p *= x++;
        return (x - 0.5) * Math.Log(x) - x + HalfLogTwoPi + StirlingCorrection(x) - Math.Log(p);
    }

    /// <summary>psi(x) = d/dx log Gamma(x), x > 0: recurrence up to 16, then the asymptotic series.</summary>
    public static double Digamma(double x)
    {
        if (!(x > 0)) return x == 0 ? double.NegativeInfinity : double.NaN;
        double s = 0;
        while (x < 16) s += 1 / x++;
        double q = 1 / (x * x);
        return Math.Log(x) - 0.5 / x - q * (1.0 / 12 - q * (1.0 / 120 - q * (1.0 / 252 - q * (1.0 / 240 - q * (1.0 / 132 - q * (691.0 / 32760 - q / 12)))))) - s;
    }

    /// <summary>log Gamma(x + theta) - log Gamma(theta) without the cancellation of the plain difference; x >= 0, theta > 0.</summary>
    public static double LogGammaDifference(double x, double theta)
    {
        if (x == 0) return 0;
        if (x == Math.Floor(x) && x <= 64)
        {
            double s = 0;
            for (int i = 0; i < (int)x; i++) s += Math.Log(theta + i);
            return s;
        }
        if (theta < 16) return LogGamma(x + theta) - LogGamma(theta);
        // (y - 1/2) log y - y at y = theta + x and theta, differences taken term by term.
        return x * Math.Log(theta + x) + (theta - 0.5) * LogOnePlus(x / theta) - x + StirlingCorrection(theta + x) - StirlingCorrection(theta);
    }

    /// <summary>psi(x + theta) - psi(theta); x >= 0, theta > 0.</summary>
    public static double DigammaDifference(double x, double theta)
    {
        if (x == 0) return 0;
        double s = 0, a = theta;
        for (; a < 16; a++) s += x / (a * (a + x));
        double b = a + x, u = 1 / (a * a), v = 1 / (b * b);
        return s + LogOnePlus(x / a) + 0.5 * x / (a * b) + DigammaTail(u) - DigammaTail(v);

        static double DigammaTail(double q) => q * (1.0 / 12 - q * (1.0 / 120 - q * (1.0 / 252 - q * (1.0 / 240 - q * (1.0 / 132 - q * (691.0 / 32760 - q / 12))))));
    }

    private static double StirlingCorrection(double x)
    {
        double q = 1 / (x * x);
        return (1.0 / 12 - q * (1.0 / 360 - q * (1.0 / 1260 - q * (1.0 / 1680 - q * (1.0 / 1188 - q * (691.0 / 360360 - q / 156)))))) / x;
    }
}
