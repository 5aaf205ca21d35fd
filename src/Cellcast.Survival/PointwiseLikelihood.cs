namespace Cellcast.Survival;

/// <summary>A likelihood in which every subject's outcome depends on its own linear predictor only: the Hessian is diagonal.</summary>
public abstract class PointwiseLikelihood : ILikelihood
{
    private readonly double[] _response;
    private readonly double[]? _weight;

    /// <param name="response">Checked outcomes, n values.</param>
    /// <param name="weights">Case weights, finite and not negative, n values; empty for 1 each.</param>
    private protected PointwiseLikelihood(ReadOnlySpan<double> response, ReadOnlySpan<double> weights)
    {
        int n = response.Length;
        if (n == 0) throw new SurvivalDataException("there is no subject: give at least one outcome");
        if (!weights.IsEmpty && weights.Length != n) throw new SurvivalDataException($"there are {n} outcomes but {weights.Length} weights: give one per subject, in the same order");
        for (int i = 0; i < weights.Length; i++)
            if (!(weights[i] >= 0) || double.IsInfinity(weights[i]))
                throw new SurvivalDataException($"the weight of {SurvivalData.Subject(i, n)} is {weights[i]}: weights must be finite and not negative");
        _response = response.ToArray();
        _weight = weights.IsEmpty ? null : weights.ToArray();
    }

    /// <inheritdoc/>
    public int Count => _response.Length;

    /// <inheritdoc/>
    public bool HasIntercept => true;

    /// <summary>Outcomes, n values.</summary>
    public ReadOnlySpan<double> Response => _response;

    /// <summary>Case weights, n values, or empty when all are 1.</summary>
    public ReadOnlySpan<double> Weights => _weight;

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<double> eta)
    {
        Require(eta.Length);
        double sum = 0;
        for (int i = 0; i < _response.Length; i++)
            if (WeightOf(i) is > 0 and var w) sum += w * Of(_response[i], eta[i]).Value;
        return sum;
    }

    /// <inheritdoc/>
    public double Evaluate(ReadOnlySpan<double> eta, Span<double> gradient)
    {
        Require(eta.Length);
        Require(gradient.Length);
        double sum = 0;
        for (int i = 0; i < _response.Length; i++)
        {
            double w = WeightOf(i);
            var (value, slope, _) = w > 0 ? Of(_response[i], eta[i]) : default;
            sum += w * value;
            gradient[i] = w * slope;
        }
        return sum;
    }

    /// <inheritdoc/>
    public void HessianVectorProduct(ReadOnlySpan<double> eta, ReadOnlySpan<double> vector, Span<double> product)
    {
        Require(eta.Length);
        Require(vector.Length);
        Require(product.Length);
        for (int i = 0; i < _response.Length; i++) product[i] = WeightOf(i) is > 0 and var w ? w * Of(_response[i], eta[i]).Curvature * vector[i] : 0;
    }

    /// <inheritdoc/>
    public void HessianDiagonal(ReadOnlySpan<double> eta, Span<double> diagonal)
    {
        Require(eta.Length);
        Require(diagonal.Length);
        for (int i = 0; i < _response.Length; i++) diagonal[i] = WeightOf(i) is > 0 and var w ? w * Of(_response[i], eta[i]).Curvature : 0;
    }

    /// <inheritdoc/>
    public double ScoreAndInformation(ReadOnlySpan<double> eta, ReadOnlySpan<double> x, int p, Span<double> score, Span<double> information)
    {
        Require(eta.Length);
        score.Clear();
        information.Clear();
        double sum = 0;
        for (int i = 0; i < _response.Length; i++)
        {
            double w = WeightOf(i);
            if (w == 0) continue;
            var (value, slope, curvature) = Of(_response[i], eta[i]);
            sum += w * value;
            ReadOnlySpan<double> row = x.Slice(i * p, p);
            for (int j = 0; j < p; j++) score[j] -= w * slope * row[j];
            SymmetricSystem.AddOuter(information, row, w * curvature);
        }
        SymmetricSystem.Mirror(information, p);
        return sum;
    }

    /// <summary>Value of one subject's negative log likelihood and its first two derivatives by the linear predictor.</summary>
    private protected abstract (double Value, double Slope, double Curvature) Of(double response, double eta);

    private double WeightOf(int i) => _weight is null ? 1 : _weight[i];

    private void Require(int length)
    {
        if (length != _response.Length) throw new ArgumentException($"there are {_response.Length} subjects but {length} values");
    }
}

/// <summary>A binary outcome by the logit link: P(yes) = 1 / (1 + exp(-eta)). Value: sum of w (log(1 + exp(eta)) - y eta), exact for any finite eta.
/// Source: Cox (1958); McCullagh and Nelder (1989), chapter 4.</summary>
public sealed class LogisticLikelihood : PointwiseLikelihood
{
    /// <param name="response">The outcomes, n values.</param>
    /// <param name="weights">Case weights, or empty for 1 each.</param>
    /// <exception cref="SurvivalDataException">All outcomes of positive weight are the same, lengths differ, or a weight is not usable.</exception>
    public LogisticLikelihood(ReadOnlySpan<bool> response, ReadOnlySpan<double> weights = default) : base(Numbers(response), weights)
    {
        int yes = response.Count(true);
        if (yes == 0 || yes == response.Length)
            throw new SurvivalDataException($"all {response.Length} outcomes are {(yes == 0 ? "no" : "yes")}: a binary outcome needs both, check how the column is coded");
        if (weights.IsEmpty) return;
        foreach (bool outcome in (bool[])[false, true])
        {
            bool counts = false;
            for (int i = 0; i < response.Length; i++) counts |= response[i] == outcome && weights[i] > 0;
            if (!counts) throw new SurvivalDataException($"every subject whose outcome is {(outcome ? "yes" : "no")} has weight 0: a binary outcome needs both among those that count, check the weights");
        }
    }

    /// <summary>Probability of yes.</summary>
    /// <param name="eta">Linear predictor.</param>
    public static double Probability(double eta) => eta >= 0 ? 1 / (1 + Math.Exp(-eta)) : Math.Exp(eta) / (1 + Math.Exp(eta));

    private protected override (double Value, double Slope, double Curvature) Of(double response, double eta)
    {
        double p = Probability(eta), tail = Math.Exp(-Math.Abs(eta));
        return (Math.Max(eta, 0) - response * eta + LogOnePlus(tail), p - response, tail / ((1 + tail) * (1 + tail)));
    }

    // Exact where 1 + x rounds (Kahan).
    private static double LogOnePlus(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }

    private static double[] Numbers(ReadOnlySpan<bool> response)
    {
        var y = new double[response.Length];
        for (int i = 0; i < y.Length; i++) y[i] = response[i] ? 1 : 0;
        return y;
    }
}

/// <summary>A continuous outcome with normal errors of known variance: value sum of w [(y - eta)^2 / (2 v) + log(2 pi v) / 2].</summary>
public sealed class GaussianLikelihood : PointwiseLikelihood
{
    private readonly double _logNormaliser;

    /// <param name="response">The outcomes, finite, n values.</param>
    /// <param name="variance">Variance v of the errors, above 0.</param>
    /// <param name="weights">Case weights, or empty for 1 each.</param>
    /// <exception cref="SurvivalDataException">An outcome, the variance or a weight is not usable, or lengths differ.</exception>
    public GaussianLikelihood(ReadOnlySpan<double> response, double variance = 1, ReadOnlySpan<double> weights = default) : base(response, weights)
    {
        for (int i = 0; i < response.Length; i++)
            if (!double.IsFinite(response[i])) throw new SurvivalDataException($"the outcome of {SurvivalData.Subject(i, response.Length)} is {(double.IsNaN(response[i]) ? "missing" : "infinite")}: fill it in or leave the subject out");
        if (!(variance > 0) || double.IsInfinity(variance)) throw new SurvivalDataException($"the variance of the errors is {variance}: it must be above 0 and finite");
        (Variance, _logNormaliser) = (variance, 0.5 * Math.Log(2 * Math.PI * variance));
    }

    /// <summary>Variance of the errors.</summary>
    public double Variance { get; }

    /// <summary>The same outcomes under another variance.</summary>
    /// <param name="variance">Variance, above 0.</param>
    public GaussianLikelihood WithVariance(double variance) => new(Response, variance, Weights);

    private protected override (double Value, double Slope, double Curvature) Of(double response, double eta)
    {
        double r = eta - response;
        return (r * r / (2 * Variance) + _logNormaliser, r / Variance, 1 / Variance);
    }
}
