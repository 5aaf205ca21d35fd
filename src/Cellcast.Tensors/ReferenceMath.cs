namespace Cellcast.Tensors;

/// <summary>Special functions in double precision, for what is computed rarely and as the truth in tests.</summary>
public static class ReferenceMath
{
    /// <summary>Error function, to about 1e-15.</summary>
    public static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (double.IsNaN(x)) return x;
        if (a > 6) return Math.Sign(x);
        if (a < 2.5)
        {
            // erf(x) = 2 / sqrt(pi) exp(-x^2) sum of 2^n x^(2n + 1) / (2n + 1)!!: all terms have one sign.
            double term = x, sum = x;
            for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
            {
                term *= 2 * x * x / (2 * n + 1);
                sum += term;
            }
            return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
        }
        // erfc(a) = exp(-a^2) / sqrt(pi) / (a + (1/2) / (a + 1 / (a + (3/2) / (a + ...)))), from the inside out.
        double fraction = a;
        for (int n = 60; n >= 1; n--) fraction = a + n / 2.0 / fraction;
        return Math.Sign(x) * (1 - Math.Exp(-a * a) / (Math.Sqrt(Math.PI) * fraction));
    }

    /// <summary>Standard normal distribution function.</summary>
    public static double NormalCdf(double x) => 0.5 * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>Standard normal density.</summary>
    public static double NormalPdf(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    /// <summary>log(1 + e^x) without overflow.</summary>
    public static double Softplus(double x) => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x)));

    /// <summary>1 / (1 + e^-x) without overflow.</summary>
    public static double Sigmoid(double x)
    {
        double e = Math.Exp(-Math.Abs(x));
        return x >= 0 ? 1 / (1 + e) : e / (1 + e);
    }

    /// <summary>log(1 + x), exact for small x too.</summary>
    public static double LogOnePlus(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }

    /// <summary>Logarithm of the gamma function for x &gt; 0, by Stirling's series after shifting x above 10.</summary>
    public static double LogGamma(double x)
    {
        double product = 1;
        double shift = 0;
        while (x < 10)
        {
            product *= x;
            x += 1;
            if (product > 1e200 || product < 1e-200)
            {
                shift += Math.Log(product);
                product = 1;
            }
        }
        double i = 1 / x, i2 = i * i;
        double series = i * (1.0 / 12 - i2 * (1.0 / 360 - i2 * (1.0 / 1260 - i2 * (1.0 / 1680 - i2 * (1.0 / 1188 - i2 * (691.0 / 360360 - i2 / 156))))));
        return (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI) + series - Math.Log(product) - shift;
    }

    /// <summary>Derivative of <see cref="LogGamma"/> for x &gt; 0.</summary>
    public static double Digamma(double x)
    {
        double shift = 0;
        while (x < 10)
        {
            shift += 1 / x;
            x += 1;
        }
        double i2 = 1 / (x * x);
        double series = i2 * (1.0 / 12 - i2 * (1.0 / 120 - i2 * (1.0 / 252 - i2 * (1.0 / 240 - i2 * (1.0 / 132 - i2 * (691.0 / 32760 - i2 / 12))))));
        return Math.Log(x) - 0.5 / x - series - shift;
    }
}
