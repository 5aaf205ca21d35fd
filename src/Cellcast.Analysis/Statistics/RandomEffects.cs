using MathNet.Numerics;
using MathNet.Numerics.Distributions;

namespace Cellcast.Analysis.Statistics;

/// <summary>How the variance between studies is estimated.</summary>
public enum HeterogeneityEstimator
{
    /// <summary>Restricted maximum likelihood.</summary>
    RestrictedMaximumLikelihood,

    /// <summary>DerSimonian and Laird's (1986) moments, from Cochran's Q.</summary>
    DerSimonianLaird,
}

/// <summary>What interval and test of the mean rest on.</summary>
public enum MeanInterval
{
    /// <summary>Hartung and Knapp (2001), Sidik and Jonkman (2002): the variance of the mean from the scatter of the studies, Student's t with k - 1 degrees of freedom.</summary>
    HartungKnapp,

    /// <summary>The same, but never with a smaller standard error than <see cref="Normal"/> (Röver, Knapp and Friede 2015): for few studies that happen to agree.</summary>
    HartungKnappAtLeastNormal,

    /// <summary>The stated standard errors and the normal distribution: too short an interval when few studies differ.</summary>
    Normal,
}

/// <summary>
/// Random-effects meta-analysis: estimates y_i with known standard errors s_i of effects theta_i ~ N(mu, tau^2), y_i ~ N(theta_i, s_i^2).
/// Sources: DerSimonian and Laird (1986), Controlled Clinical Trials 7, 177; Viechtbauer (2005), J. Educ. Behav. Stat. 30, 261 (restricted likelihood); Hartung and Knapp (2001), Stat. Med. 20, 3875;
/// Higgins and Thompson (2002), Stat. Med. 21, 1539 (I^2); Higgins, Thompson and Spiegelhalter (2009), J. R. Stat. Soc. A 172, 137 (prediction interval).
/// </summary>
public sealed record RandomEffects
{
    private const int MostSteps = 200;
    private const double Normal975 = 1.959963984540054;

    /// <summary>Number of studies k.</summary>
    public required int Studies { get; init; }

    /// <summary>Estimate of the mean effect mu.</summary>
    public required double Mean { get; init; }

    /// <summary>Its standard error, by the rule of the interval.</summary>
    public required double StandardError { get; init; }

    /// <summary>Lower end of the 95 % confidence interval of the mean.</summary>
    public required double Lower { get; init; }

    /// <summary>Upper end.</summary>
    public required double Upper { get; init; }

    /// <summary>Two-sided p value of the mean being 0.</summary>
    public required double PValue { get; init; }

    /// <summary>Lower end of the 95 % interval in which the effect of a further study lies; NaN with fewer than three studies.</summary>
    public required double PredictionLower { get; init; }

    /// <summary>Upper end.</summary>
    public required double PredictionUpper { get; init; }

    /// <summary>Variance between studies tau^2.</summary>
    public required double Tau2 { get; init; }

    /// <summary>I^2, the share of the variance of the estimates that lies between studies: tau^2 over tau^2 and the typical variance within studies. By DerSimonian and Laird's tau^2 this is (Q - k + 1) / Q.</summary>
    public required double I2 { get; init; }

    /// <summary>Cochran's Q.</summary>
    public required double Q { get; init; }

    /// <summary>p value of Q: of all studies having the same effect.</summary>
    public required double QPValue { get; init; }

    /// <summary>Weight of each study in the mean; they sum to one.</summary>
    public required double[] Weights { get; init; }

    /// <summary>Fits.</summary>
    /// <param name="estimates">k estimates, at least 2.</param>
    /// <param name="standardErrors">Their standard errors, all above 0.</param>
    /// <param name="estimator">Estimator of tau^2.</param>
    /// <param name="interval">Interval and test of the mean.</param>
    /// <exception cref="ArgumentException">There are fewer than two studies, or a value is not finite or not above 0.</exception>
    public static RandomEffects Fit(ReadOnlySpan<double> estimates, ReadOnlySpan<double> standardErrors, HeterogeneityEstimator estimator = HeterogeneityEstimator.RestrictedMaximumLikelihood,
        MeanInterval interval = MeanInterval.HartungKnapp)
    {
        int k = estimates.Length;
        if (standardErrors.Length != k) throw new ArgumentException($"{k} estimates need as many standard errors, not {standardErrors.Length}", nameof(standardErrors));
        if (k < 2) throw new ArgumentException("a meta-analysis needs at least two studies", nameof(estimates));
        double[] y = estimates.ToArray(), v = new double[k];
        for (int i = 0; i < k; i++)
        {
            v[i] = standardErrors[i] * standardErrors[i];
            if (!double.IsFinite(y[i]) || !double.IsFinite(v[i]) || !(v[i] > 0)) throw new ArgumentException($"study {i + 1} has the estimate {y[i]} with standard error {standardErrors[i]}", nameof(estimates));
        }
        Sums fixedEffect = Sums.At(y, v, 0);
        double q = fixedEffect.Scatter, typical = (k - 1) * fixedEffect.W / (fixedEffect.W * fixedEffect.W - fixedEffect.W2);
        double moments = Math.Max(0, (q - (k - 1)) / (fixedEffect.W - fixedEffect.W2 / fixedEffect.W));
        double tau2 = estimator == HeterogeneityEstimator.DerSimonianLaird ? moments : Restricted(y, v, moments);

        Sums s = Sums.At(y, v, tau2);
        double normal = 1 / Math.Sqrt(s.W), error = normal, quantile = Normal975, p;
        if (interval == MeanInterval.Normal) p = Distributions.TwoSidedNormal(s.Mean / error);
        else
        {
            error = Math.Sqrt(s.Scatter / ((k - 1) * s.W));
            if (interval == MeanInterval.HartungKnappAtLeastNormal) error = Math.Max(error, normal);
            quantile = StudentQuantile(k - 1);
            // Studies that agree to the last bit leave nothing to measure scatter by.
            p = error > 0 ? Distributions.TwoSidedStudent(s.Mean / error, k - 1) : s.Mean == 0 ? 1 : 0;
        }
        double spread = k < 3 ? double.NaN : StudentQuantile(k - 2) * Math.Sqrt(tau2 + error * error);
        return new RandomEffects
        {
            Studies = k,
            Mean = s.Mean,
            StandardError = error,
            Lower = s.Mean - quantile * error,
            Upper = s.Mean + quantile * error,
            PValue = p,
            PredictionLower = s.Mean - spread,
            PredictionUpper = s.Mean + spread,
            Tau2 = tau2,
            I2 = tau2 / (tau2 + typical),
            Q = q,
            QPValue = q <= 0 ? 1 : SpecialFunctions.GammaUpperRegularized((k - 1) / 2.0, q / 2),
            Weights = [.. v.Select(x => 1 / (x + tau2) / s.W)],
        };
    }

    // Fisher scoring on the restricted log likelihood; a step that lowers it is halved.
    private static double Restricted(double[] y, double[] v, double start)
    {
        double scale = v.Average(), tau2 = start, value = LogLikelihood(y, v, tau2);
        // The likelihood may have its maximum at 0 and another hill elsewhere: both ways are tried.
        double atZero = LogLikelihood(y, v, 0);
        for (int step = 0; step < MostSteps; step++)
        {
            Sums s = Sums.At(y, v, tau2);
            double trace = s.W - s.W2 / s.W, information = s.W2 - 2 * s.W3 / s.W + s.W2 * s.W2 / (s.W * s.W);
            double change = (s.WeightedScatter - trace) / information;
            if (!double.IsFinite(change)) break;
            double next = Math.Max(0, tau2 + change), reached = LogLikelihood(y, v, next);
            for (int half = 0; reached < value && half < 60; half++)
            {
                next = (next + tau2) / 2;
                reached = LogLikelihood(y, v, next);
            }
            if (reached < value) break;
            bool settled = Math.Abs(next - tau2) <= 1e-12 * (scale + tau2);
            (tau2, value) = (next, reached);
            if (settled) break;
        }
        return atZero > value ? 0 : tau2;
    }

    private static double LogLikelihood(double[] y, double[] v, double tau2)
    {
        Sums s = Sums.At(y, v, tau2);
        return -0.5 * (v.Sum(x => Math.Log(x + tau2)) + Math.Log(s.W) + s.Scatter);
    }

    private static double StudentQuantile(int degreesOfFreedom) => StudentT.InvCDF(0, 1, degreesOfFreedom, 0.975);

    /// <summary>Sums over studies with w = 1 / (v + tau^2): w, w^2, w^3, w (y - mean)^2, w^2 (y - mean)^2.</summary>
    private readonly record struct Sums(double W, double W2, double W3, double Mean, double Scatter, double WeightedScatter)
    {
        internal static Sums At(double[] y, double[] v, double tau2)
        {
            double w = 0, w2 = 0, w3 = 0, wy = 0, scatter = 0, weighted = 0;
            for (int i = 0; i < y.Length; i++)
            {
                double x = 1 / (v[i] + tau2);
                w += x;
                w2 += x * x;
                w3 += x * x * x;
                wy += x * y[i];
            }
            double mean = wy / w;
            for (int i = 0; i < y.Length; i++)
            {
                double x = 1 / (v[i] + tau2), d = y[i] - mean;
                scatter += x * d * d;
                weighted += x * x * d * d;
            }
            return new Sums(w, w2, w3, mean, scatter, weighted);
        }
    }
}
