using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>A block of features with a prior variance of its own.</summary>
/// <param name="Name">What it is: <c>types</c>, <c>states</c>, <c>programs</c>.</param>
/// <param name="First">First column.</param>
/// <param name="Count">Columns.</param>
public sealed record ContributionComponent(string Name, int First, int Count)
{
    /// <summary>Variance over cells of the contributions that weights of variance 1 make; 0 when it is not known. Where it is, the prior of the component's strength is relative to that of
    /// the first component: what decides little in patients may stand for wild differences between cells, which the strength in patients alone does not see.</summary>
    public double CellVariance { get; init; }

    /// <summary>Prior median of the variance over cells that the component brings, over that of the first one.</summary>
    public double ExpectedRatio { get; init; } = 1;
}

/// <summary>Strengths that the data allow.</summary>
/// <param name="Strengths">One per component.</param>
/// <param name="Weight">Posterior probability; all of a fit together have 1.</param>
public sealed record StrengthAlternative(IReadOnlyList<double> Strengths, double Weight);

/// <summary>Settings of <see cref="ContributionFit"/>.</summary>
public sealed record ContributionOptions
{
    /// <summary>Prior standard deviation of the linear predictor that each component brings to the patients, in the order of the components; null averages over those that the
    /// marginal likelihood allows. Those of one fit can be given to fits of resampled patients.</summary>
    public IReadOnlyList<double>? Strengths { get; init; }

    /// <summary>Average over the strengths that the marginal likelihood allows; otherwise the most probable ones are taken for known.</summary>
    public bool Average { get; init; } = true;

    /// <summary>Covariates beside the features, patients x c row by row; null for none. Their coefficients are as good as free: see <see cref="Analysis.Clinical.ClinicalModel.LightPenalty"/>.</summary>
    public double[]? Covariates { get; init; }

    /// <summary>Names of the covariates, for messages; their numbers when null.</summary>
    public IReadOnlyList<string>? CovariateNames { get; init; }

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

    /// <summary>The same values with more uncertainty.</summary>
    /// <param name="variance">What is added to the variance of each; empty for nothing.</param>
    public ContributionValues Widened(IReadOnlyList<double> variance)
    {
        ArgumentNullException.ThrowIfNull(variance);
        return variance.Count == 0 ? this : this with { StandardDeviation = [.. StandardDeviation.Select((d, i) => Math.Sqrt(d * d + variance[i]))] };
    }

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
/// linear predictors eta_s = sum_c p[s,c] f(c), which are linear in the same w. For given strengths the mode is a penalised (partial) likelihood, convex, and the curvature there the posterior
/// precision. The strengths have a posterior too: Laplace's marginal likelihood times a weak normal prior of their logarithms; coefficients and covariance are averaged over a lattice of
/// them around the most probable ones, so that a cohort with few events is not taken for surer than it is. Deterministic; milliseconds once the strengths are given.
/// </summary>
/// <remarks>Sources: Rasmussen and Williams (2006), chapters 3 and 5; Rue, Martino and Chopin (2009) for the integration over strengths; Verweij and van Houwelingen (1994) for the penalised
/// partial likelihood. The shares count as known here; <see cref="ContributionModel.SharesVariance"/> is what they leave open.</remarks>
public sealed class ContributionFit
{
    // log variance of the linear predictor ~ N(-1, 2^2): standard deviations from 0.1 to 4 lie within two standard deviations.
    private const double PriorMean = -1, PriorDeviation = 2;
    // log of a component's variance over cells relative to the first component's ~ N(log ExpectedRatio, 1.5^2): chosen on simulated cohorts with and without differences within types.
    private const double RatioDeviation = 1.5;
    private const double FirstStep = 2, LastStep = 0.2;
    // The lattice: steps of the log variances; points whose log posterior is this far below the best are not gone beyond.
    private const double LatticeStep = 1.5, LatticeDrop = 3;

    internal ContributionFit(IReadOnlyList<ContributionComponent> components, double[] center, double[] strengths, double[] coefficients, double[] covariance)
    {
        (Components, Center, Strengths, Coefficients, Covariance) = (components, center, strengths, coefficients, covariance);
        Alternatives = [new StrengthAlternative(strengths, 1)];
    }

    /// <summary>The blocks of features.</summary>
    public IReadOnlyList<ContributionComponent> Components { get; }

    /// <summary>Mean features of the patients that were learned from, F: contributions are relative to their average cell.</summary>
    public double[] Center { get; }

    /// <summary>Prior standard deviation of the linear predictor that each component brings: the most probable ones.</summary>
    public double[] Strengths { get; }

    /// <summary>The strengths that were averaged over, the most probable first; only <see cref="Strengths"/> when they were given.</summary>
    public IReadOnlyList<StrengthAlternative> Alternatives { get; internal init; }

    /// <summary>The fit at <see cref="Strengths"/> alone: a normal posterior with a prior that is known, which the average over strengths is not.</summary>
    public ContributionFit Mode => AtMode ?? this;

    private ContributionFit? AtMode { get; init; }

    /// <summary>w, F values.</summary>
    public double[] Coefficients { get; }

    /// <summary>Posterior covariance of w, F x F row by row.</summary>
    public double[] Covariance { get; }

    /// <summary>Coefficients outside the prior: the intercept, if the outcome has one, then those of the covariates.</summary>
    public double[] FreeCoefficients { get; private init; } = [];

    /// <summary>Their standard errors.</summary>
    public double[] FreeStandardErrors { get; private init; } = [];

    /// <summary>Log marginal likelihood (Laplace) with the prior of the strengths, up to a constant, at <see cref="Strengths"/>.</summary>
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

    /// <summary>The same fit with the strengths that it was averaged over and its mode, as they are kept in files.</summary>
    internal ContributionFit WithAlternatives(IReadOnlyList<StrengthAlternative> alternatives, ContributionFit mode) => new(Components, Center, Strengths, Coefficients, Covariance)
    {
        Alternatives = alternatives,
        AtMode = mode,
        FreeCoefficients = FreeCoefficients,
        FreeStandardErrors = FreeStandardErrors,
        LogEvidence = LogEvidence,
        EffectiveDegreesOfFreedom = EffectiveDegreesOfFreedom,
    };

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

    /// <summary>Per component the prior standard deviation of a weight when the linear predictors that it brings to the patients have standard deviation 1; 0 where no patient has more or
    /// less of anything, which says nothing.</summary>
    internal static double[] PriorScale(double[] features, IReadOnlyList<ContributionComponent> components)
    {
        int f = components.Sum(c => c.Count), n = f == 0 ? 0 : features.Length / f;
        var center = new double[f];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < f; j++) center[j] += features[i * f + j] / n;
        var scale = new double[components.Count];
        for (int k = 0; k < components.Count; k++)
        {
            double sum = 0;
            for (int i = 0; i < n; i++)
                for (int j = components[k].First; j < components[k].First + components[k].Count; j++)
                {
                    double v = features[i * f + j] - center[j];
                    sum += v * v;
                }
            scale[k] = sum / n > 1e-20 ? 1 / Math.Sqrt(sum / n) : 0;
        }
        return scale;
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
        private readonly string[] _names;
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
            _names = [.. Enumerable.Repeat("(intercept)", intercept), .. Enumerable.Range(0, c).Select(j => options.CovariateNames is { } names && j < names.Count ? names[j] : $"covariate {j + 1}"),
                .. components.SelectMany(k => Enumerable.Range(1, k.Count).Select(j => $"{k.Name} {j}"))];
            for (int i = 0; i < covariates.Length; i++)
                if (!double.IsFinite(covariates[i]))
                    throw new SurvivalDataException($"covariate '{_names[intercept + i % c]}' of patient {i / c + 1} of {_n} is {(double.IsNaN(covariates[i]) ? "missing" : "infinite")}: fill it in or leave the patient out");
            // What patients are made of is ours: nobody could fill it in.
            for (int i = 0; i < features.Length; i++)
                if (!double.IsFinite(features[i]))
                    throw new SurvivalDataException($"what patient {i / _features + 1} of {_n} is made of ({components.First(k => i % _features < k.First + k.Count).Name}) is not a finite number: look for cells that are all alike or counts that are extreme, in the reference and in the cohort");
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
            _scale = PriorScale(features, components);
            _scaled = new double[_x.Length];
            _penalty = new double[p];
            Array.Fill(_penalty, Analysis.Clinical.ClinicalModel.LightPenalty, intercept, c);
            Array.Fill(_penalty, 1, _free, _features);
        }

        internal ContributionFit Solve()
        {
            if (_options.Strengths is { } given) return Result([new Point([.. given.Select(g => 2 * Math.Log(g))], [.. given], At([.. given]))], [1]);
            Point mode = Search();
            // Once more from the last neighbour that was tried: Newton's steps from so near end closer to the mode than those of the search.
            mode = Try(mode.Log);
            if (!_options.Average) return Result([mode], [1]);
            Point[] points = [.. Lattice(mode)];
            double[] weight = [.. points.Select(p => Math.Exp(Evidence(p) - Evidence(mode)))];
            double sum = weight.Sum();
            return Result(points, [.. weight.Select(w => w / sum)]);
        }

        /// <summary>Mixture of the normal posteriors at the points: its mean and its covariance, that between points included. The first point gives the strengths.</summary>
        private ContributionFit Result(IReadOnlyList<Point> points, double[] weight)
        {
            int p = _free + _features;
            double[] factor = new double[p], mean = new double[p], covariance = new double[p * p], apart = new double[p];
            double degrees = 0;
            void Factor(Point at)
            {
                for (int j = 0; j < _free; j++) factor[j] = 1 / _freeScale[j];
                for (int k = 0; k < _components.Count; k++) Array.Fill(factor, at.Strengths[k] * _scale[k], _free + _components[k].First, _components[k].Count);
            }
            for (int i = 0; i < points.Count; i++)
            {
                Factor(points[i]);
                for (int j = 0; j < p; j++) mean[j] += weight[i] * points[i].Fit.Coefficients[j] * factor[j];
                degrees += weight[i] * points[i].Fit.EffectiveDegreesOfFreedom;
            }
            for (int i = 0; i < points.Count; i++)
            {
                Factor(points[i]);
                double[] own = points[i].Fit.Covariance;
                for (int j = 0; j < p; j++) apart[j] = points[i].Fit.Coefficients[j] * factor[j] - mean[j];
                for (int j = 0; j < p; j++)
                    for (int l = 0; l < p; l++) covariance[j * p + l] += weight[i] * (own[j * p + l] * factor[j] * factor[l] + apart[j] * apart[l]);
            }
            var features = new double[_features * _features];
            for (int j = 0; j < _features; j++) covariance.AsSpan((_free + j) * p + _free, _features).CopyTo(features.AsSpan(j * _features));
            return new ContributionFit(_components, _center, points[0].Strengths, mean[_free..], features)
            {
                AtMode = points.Count == 1 ? null : Result([points[0]], [1]),
                Alternatives = [.. points.Select((at, i) => new StrengthAlternative(at.Strengths, weight[i])).OrderByDescending(a => a.Weight)],
                FreeCoefficients = mean[.._free],
                FreeStandardErrors = [.. Enumerable.Range(0, _free).Select(j => Math.Sqrt(covariance[j * p + j]))],
                LogEvidence = Evidence(points[0]),
                EffectiveDegreesOfFreedom = degrees,
            };
        }

        // Few dimensions and a smooth objective: one coordinate at a time, the step halved when none improves.
        private Point Search()
        {
            Point best = Try([.. _components.Select(_ => PriorMean)]);
            for (double step = FirstStep; step >= LastStep; step /= 2)
            {
                bool improved = true;
                for (int round = 0; improved && round < 10; round++)
                {
                    improved = false;
                    foreach (int k in Active())
                        foreach (double change in (double[])[step, -step])
                        {
                            Point next = Try(Moved(best.Log, k, change));
                            if (!(Evidence(next) > Evidence(best) + 1e-6)) continue;
                            (best, improved) = (next, true);
                            break;
                        }
                }
            }
            return best;
        }

        /// <summary>The mode and the points around it that are not much less probable, in an order that follows from the data alone.</summary>
        private List<Point> Lattice(Point mode)
        {
            var found = new List<Point> { mode };
            var seen = new HashSet<string> { Name(new int[mode.Log.Length]) };
            var open = new Queue<(int[] At, Point Point)>([(new int[mode.Log.Length], mode)]);
            while (open.TryDequeue(out var from))
                foreach (int k in Active())
                    foreach (int change in (int[])[1, -1])
                    {
                        int[] at = [.. from.At];
                        at[k] += change;
                        if (!seen.Add(Name(at))) continue;
                        Point next = Try([.. mode.Log.Select((l, c) => l + LatticeStep * at[c])]);
                        found.Add(next);
                        if (Evidence(next) > Evidence(mode) - LatticeDrop) open.Enqueue((at, next));
                    }
            return found;

            static string Name(int[] at) => string.Join(',', at);
        }

        private int[] Active() => [.. Enumerable.Range(0, _components.Count).Where(k => _scale[k] > 0)];

        private static double[] Moved(double[] log, int k, double by)
        {
            double[] moved = [.. log];
            moved[k] += by;
            return moved;
        }

        /// <summary>A fit at strengths.</summary>
        /// <param name="Log">Log variance of the linear predictor that each component brings.</param>
        /// <param name="Strengths">Its standard deviation; 0 for a component in which the patients do not differ.</param>
        /// <param name="Fit">The fit.</param>
        private sealed record Point(double[] Log, double[] Strengths, PenalizedFit Fit);

        private Point Try(double[] log)
        {
            double[] strengths = [.. log.Select((l, k) => _scale[k] > 0 ? Math.Exp(l / 2) : 0)];
            return new Point(log, strengths, At(strengths));
        }

        private double Evidence(Point at)
        {
            double value = at.Fit.LogMarginalLikelihood(0);
            for (int k = 0; k < at.Strengths.Length; k++)
            {
                if (_scale[k] == 0 || at.Strengths[k] == 0) continue;
                bool relative = k > 0 && _scale[0] > 0 && at.Strengths[0] > 0 && _components[0].CellVariance > 0 && _components[k].CellVariance > 0;
                double z = relative ? (InCells(at, k) - InCells(at, 0) - Math.Log(_components[k].ExpectedRatio)) / RatioDeviation : (at.Log[k] - PriorMean) / PriorDeviation;
                value -= z * z / 2;
            }
            return value;
        }

        /// <summary>Log variance over cells of the contributions that a component brings.</summary>
        private double InCells(Point at, int k) => at.Log[k] + 2 * Math.Log(_scale[k]) + Math.Log(_components[k].CellVariance);

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
            PenalizedFit fit = PenalizedRegression.Fit(_likelihood, _scaled, p, _penalty, new PenalizedRegressionOptions { Names = _names, Offset = _options.Offset, Start = _start });
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
