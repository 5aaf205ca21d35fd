using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>A block of features with a prior variance of its own.</summary>
/// <param name="Name">What it is: <c>types</c>, <c>states</c>, <c>programs</c>.</param>
/// <param name="First">First column.</param>
/// <param name="Count">Columns.</param>
public sealed record ContributionComponent(string Name, int First, int Count);

/// <summary>Settings of <see cref="ContributionFit"/>.</summary>
public sealed record ContributionOptions
{
    /// <summary>Prior standard deviation of the linear predictor that each component brings to the patients, in the order of the components; null finds them by
    /// marginal likelihood. Those of one fit can be given to fits of resampled patients.</summary>
    public IReadOnlyList<double>? Strengths { get; init; }

    /// <summary>Covariates beside the features, patients x c row by row; null for none. Their coefficients are as good as free: see <see cref="Analysis.Clinical.ClinicalModel.LightPenalty"/>.</summary>
    public double[]? Covariates { get; init; }

    /// <summary>A known part of each patient's linear predictor, or null.</summary>
    public IReadOnlyList<double>? Offset { get; init; }
}

/// <summary>Values with their posterior standard deviations.</summary>
/// <param name="Mean">Posterior means.</param>
/// <param name="StandardDeviation">Posterior standard deviations.</param>
public sealed record ContributionValues(double[] Mean, double[] StandardDeviation)
{
    private const double Normal975 = 1.959963984540054;

    /// <summary>Lower ends of the 95 % intervals.</summary>
    public double[] Lower => [.. Mean.Select((m, i) => m - Normal975 * StandardDeviation[i])];

    /// <summary>Upper ends of the 95 % intervals.</summary>
    public double[] Upper => [.. Mean.Select((m, i) => m + Normal975 * StandardDeviation[i])];

    /// <summary>Posterior probability that each value is above 0, that is adverse.</summary>
    public double[] ProbabilityPositive => [.. Mean.Select((m, i) => Positive(m, StandardDeviation[i]))];

    private static double Positive(double mean, double deviation)
    {
        double tail = deviation > 0 ? Analysis.Statistics.Distributions.TwoSidedNormal(mean / deviation) / 2 : mean == 0 ? 0.5 : 0;
        return mean > 0 ? 1 - tail : tail;
    }
}

/// <summary>
/// The contribution of cells as a Gaussian process seen through its features: f(c) = (phi(c) - center) w with w normal a priori, one variance per component, and patients'
/// linear predictors eta_s = sum_c p[s,c] f(c), which are linear in the same w. The mode is a penalised (partial) likelihood, convex; the strengths maximise Laplace's
/// marginal likelihood under a weak normal prior of their logarithms; the curvature at the mode is the posterior precision. Deterministic; milliseconds once the strengths are given.
/// </summary>
/// <remarks>Sources: Rasmussen and Williams (2006), chapters 3 and 5; Verweij and van Houwelingen (1994) for the penalised partial likelihood. The shares count as known.</remarks>
public sealed class ContributionFit
{
    // log variance of the linear predictor ~ N(-1, 2^2): standard deviations from 0.1 to 4 lie within two standard deviations.
    private const double PriorMean = -1, PriorDeviation = 2;
    private const double FirstStep = 2, LastStep = 0.2;

    internal ContributionFit(IReadOnlyList<ContributionComponent> components, double[] center, double[] strengths, double[] coefficients, double[] covariance)
    {
        (Components, Center, Strengths, Coefficients, Covariance) = (components, center, strengths, coefficients, covariance);
    }

    /// <summary>The blocks of features.</summary>
    public IReadOnlyList<ContributionComponent> Components { get; }

    /// <summary>Mean features of the patients that were learned from, F: contributions are relative to their average cell.</summary>
    public double[] Center { get; }

    /// <summary>Prior standard deviation of the linear predictor that each component brings.</summary>
    public double[] Strengths { get; }

    /// <summary>w, F values.</summary>
    public double[] Coefficients { get; }

    /// <summary>Posterior covariance of w, F x F row by row.</summary>
    public double[] Covariance { get; }

    /// <summary>Coefficients outside the prior: the intercept, if the outcome has one, then those of the covariates.</summary>
    public double[] FreeCoefficients { get; private init; } = [];

    /// <summary>Their standard errors.</summary>
    public double[] FreeStandardErrors { get; private init; } = [];

    /// <summary>Log marginal likelihood (Laplace) with the prior of the strengths, up to a constant.</summary>
    public double LogEvidence { get; private init; } = double.NaN;

    /// <summary>Parameters that the data determine.</summary>
    public double EffectiveDegreesOfFreedom { get; private init; } = double.NaN;

    /// <summary>Learns from patients.</summary>
    /// <param name="likelihood">Outcome of the S patients.</param>
    /// <param name="features">Features of the patients, S x F: their cells' features weighted by shares (<see cref="ContributionModel.FeaturesOf"/>).</param>
    /// <param name="components">Blocks of the F features; together they cover all.</param>
    /// <param name="options">Strengths, covariates, offset; null for the defaults.</param>
    /// <exception cref="SurvivalDataException">The outcome cannot be learned from.</exception>
    public static ContributionFit Fit(ILikelihood likelihood, double[] features, IReadOnlyList<ContributionComponent> components, ContributionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(likelihood);
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(components);
        return new Problem(likelihood, features, components, options ?? new ContributionOptions()).Solve();
    }

    /// <summary>Contributions of cells, linear predictors of patients (their features are averages over cells), or means over types.</summary>
    /// <param name="features">Rows x F.</param>
    public ContributionValues Of(ReadOnlySpan<double> features)
    {
        int rows = Center.Length == 0 ? 0 : features.Length / Center.Length;
        var values = new ContributionValues(new double[rows], new double[rows]);
        Of(features, 0, values);
        return values;
    }

    /// <summary>The same on several threads; nothing depends on their number.</summary>
    /// <param name="features">Rows x F.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    public ContributionValues Of(ReadOnlyMemory<double> features, int threads)
    {
        int f = Center.Length, rows = f == 0 ? 0 : features.Length / f;
        var values = new ContributionValues(new double[rows], new double[rows]);
        Analysis.Blocks.Ranges(rows, threads, (from, to) => Of(features.Span[(from * f)..(to * f)], from, values));
        return values;
    }

    private void Of(ReadOnlySpan<double> features, int at, ContributionValues values)
    {
        int f = Center.Length, rows = f == 0 ? 0 : features.Length / f;
        var d = new double[f];
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<double> x = features.Slice(i * f, f);
            for (int j = 0; j < f; j++) d[j] = x[j] - Center[j];
            values.Mean[at + i] = Analysis.Blocks.Dot(d, Coefficients);
            double variance = 0;
            for (int j = 0; j < f; j++)
                if (d[j] != 0) variance += d[j] * Analysis.Blocks.Dot(Covariance.AsSpan(j * f, f), d);
            values.StandardDeviation[at + i] = Math.Sqrt(Math.Max(0, variance));
        }
    }

    /// <summary>The regression behind a fit: free columns, then the centred features, each component scaled to a mean square of 1 over patients.</summary>
    private sealed class Problem
    {
        private readonly ILikelihood _likelihood;
        private readonly IReadOnlyList<ContributionComponent> _components;
        private readonly ContributionOptions _options;
        private readonly int _n, _features, _free;
        private readonly double[] _center, _x, _scaled, _freeScale, _penalty;
        private readonly double[] _scale;
        private double[]? _start;

        internal Problem(ILikelihood likelihood, double[] features, IReadOnlyList<ContributionComponent> components, ContributionOptions options)
        {
            (_likelihood, _components, _options, _n) = (likelihood, components, options, likelihood.Count);
            _features = components.Sum(c => c.Count);
            if (features.Length != _n * _features) throw new ArgumentException($"{_n} patients and {_features} features need {_n * _features} values, not {features.Length}", nameof(features));
            double[] covariates = options.Covariates ?? [];
            if (covariates.Length % _n != 0) throw new ArgumentException($"{covariates.Length} covariates do not divide among {_n} patients", nameof(options));
            if (options.Strengths is { } s && s.Count != components.Count) throw new ArgumentException($"{components.Count} components need as many strengths, not {s.Count}", nameof(options));
            int c = covariates.Length / _n, intercept = likelihood.HasIntercept ? 1 : 0;
            _free = intercept + c;
            int p = _free + _features;
            (_center, _freeScale, _x) = (new double[_features], new double[_free], new double[_n * p]);
            Array.Fill(_freeScale, 1);
            for (int i = 0; i < _n; i++)
            {
                if (intercept == 1) _x[i * p] = 1;
                for (int j = 0; j < c; j++) _x[i * p + intercept + j] = covariates[i * c + j];
                for (int j = 0; j < _features; j++) _center[j] += features[i * _features + j] / _n;
            }
            for (int j = intercept; j < _free; j++) Standardize(_x, p, j, out _freeScale[j]);
            for (int i = 0; i < _n; i++)
                for (int j = 0; j < _features; j++) _x[i * p + _free + j] = features[i * _features + j] - _center[j];
            _scale = new double[components.Count];
            for (int k = 0; k < components.Count; k++)
            {
                double sum = 0;
                for (int i = 0; i < _n; i++)
                    for (int j = 0; j < components[k].Count; j++)
                    {
                        double v = _x[i * p + _free + components[k].First + j];
                        sum += v * v;
                    }
                // What no patient has more or less of says nothing.
                _scale[k] = sum / _n > 1e-20 ? 1 / Math.Sqrt(sum / _n) : 0;
            }
            _scaled = new double[_x.Length];
            _penalty = new double[p];
            Array.Fill(_penalty, Analysis.Clinical.ClinicalModel.LightPenalty, intercept, c);
            Array.Fill(_penalty, 1, _free, _features);
        }

        internal ContributionFit Solve()
        {
            double[] strengths = _options.Strengths is { } given ? [.. given] : Search();
            PenalizedFit fit = At(strengths);
            int p = _free + _features;
            var factor = new double[_features];
            for (int k = 0; k < _components.Count; k++) Array.Fill(factor, strengths[k] * _scale[k], _components[k].First, _components[k].Count);
            double[] w = new double[_features], covariance = new double[_features * _features];
            for (int j = 0; j < _features; j++)
            {
                w[j] = fit.Coefficients[_free + j] * factor[j];
                for (int l = 0; l < _features; l++) covariance[j * _features + l] = fit.Covariance[(_free + j) * p + _free + l] * factor[j] * factor[l];
            }
            return new ContributionFit(_components, _center, strengths, w, covariance)
            {
                FreeCoefficients = [.. Enumerable.Range(0, _free).Select(j => fit.Coefficients[j] / _freeScale[j])],
                FreeStandardErrors = [.. Enumerable.Range(0, _free).Select(j => Math.Sqrt(fit.Covariance[j * p + j]) / _freeScale[j])],
                LogEvidence = Evidence(fit, strengths),
                EffectiveDegreesOfFreedom = fit.EffectiveDegreesOfFreedom,
            };
        }

        // Few dimensions and a smooth objective: one coordinate at a time, the step halved when none improves.
        private double[] Search()
        {
            double[] log = [.. _components.Select(_ => PriorMean)];
            int[] active = [.. Enumerable.Range(0, log.Length).Where(k => _scale[k] > 0)];
            double best = Try(log);
            for (double step = FirstStep; step >= LastStep; step /= 2)
            {
                bool improved = true;
                for (int round = 0; improved && round < 10; round++)
                {
                    improved = false;
                    foreach (int k in active)
                        foreach (double change in (double[])[step, -step])
                        {
                            log[k] += change;
                            double value = Try(log);
                            if (value > best + 1e-6)
                            {
                                (best, improved) = (value, true);
                                break;
                            }
                            log[k] -= change;
                        }
                }
            }
            return [.. log.Select((l, k) => _scale[k] > 0 ? Math.Exp(l / 2) : 0)];
        }

        private double Try(double[] logVariances)
        {
            double[] strengths = [.. logVariances.Select(l => Math.Exp(l / 2))];
            return Evidence(At(strengths), strengths);
        }

        private double Evidence(PenalizedFit fit, double[] strengths)
        {
            double value = fit.LogMarginalLikelihood(0);
            for (int k = 0; k < strengths.Length; k++)
            {
                if (_scale[k] == 0 || strengths[k] == 0) continue;
                double z = (2 * Math.Log(strengths[k]) - PriorMean) / PriorDeviation;
                value -= z * z / 2;
            }
            return value;
        }

        private PenalizedFit At(double[] strengths)
        {
            int p = _free + _features;
            for (int i = 0; i < _n; i++)
            {
                for (int j = 0; j < _free; j++) _scaled[i * p + j] = _x[i * p + j];
                for (int k = 0; k < _components.Count; k++)
                {
                    int first = _free + _components[k].First;
                    for (int j = 0; j < _components[k].Count; j++) _scaled[i * p + first + j] = _x[i * p + first + j] * strengths[k] * _scale[k];
                }
            }
            PenalizedFit fit = PenalizedRegression.Fit(_likelihood, _scaled, p, _penalty, new PenalizedRegressionOptions { Offset = _options.Offset, Start = _start });
            _start = fit.Coefficients;
            return fit;
        }

        private void Standardize(double[] x, int p, int column, out double scale)
        {
            double mean = 0, square = 0;
            for (int i = 0; i < _n; i++) mean += x[i * p + column] / _n;
            for (int i = 0; i < _n; i++)
            {
                double v = x[i * p + column] -= mean;
                square += v * v / _n;
            }
            scale = square > 0 ? Math.Sqrt(square) : 1;
            for (int i = 0; i < _n; i++) x[i * p + column] /= scale;
        }
    }
}
