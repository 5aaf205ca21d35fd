using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>How an <see cref="UncertaintyAnalysis"/> is made.</summary>
public sealed record UncertaintyOptions
{
    /// <summary>Patients are drawn with replacement so many times; 0 for none.</summary>
    public int Bootstrap { get; init; } = 200;

    /// <summary>Permutations of follow-up; 0 for none.</summary>
    public int Permutations { get; init; } = 999;

    /// <summary>Draws from the posterior, for genes.</summary>
    public int PosteriorDraws { get; init; } = 400;

    /// <summary>Effect (sd of the log hazard) that the power is given for.</summary>
    public double Effect { get; init; } = 0.75;

    /// <summary>Simulated cohorts for each power; 0 for no power.</summary>
    public int PowerSimulations { get; init; } = 200;

    /// <summary>Treatment of ties.</summary>
    public TieMethod Ties { get; init; } = TieMethod.Efron;

    /// <summary>What the fit was made with besides survival: covariates, offset.</summary>
    public ContributionOptions? Fit { get; init; }
}

/// <summary>What the analysis looks at.</summary>
public sealed record UncertaintyInput
{
    /// <summary>The fit.</summary>
    public required ContributionFit Fit { get; init; }

    /// <summary>Features of the cells, N x F.</summary>
    public required CellFeatures CellFeatures { get; init; }

    /// <summary>Features of the patients that were learned from, S x F.</summary>
    public required double[] PatientFeatures { get; init; }

    /// <summary>Their outcome, with strata, entry times and weights where the fit had them.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>Variance of the errors of a continuous outcome, as the fit found it.</summary>
    public double? Variance { get; init; }

    /// <summary>Group (type) of each cell, -1 for none.</summary>
    public required int[] GroupOf { get; init; }

    /// <summary>Names of the groups.</summary>
    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>Covariance over the cells of each gene's rate with each feature, over the standard deviation of the rate, G x F; empty for no genes.</summary>
    public double[] GeneFeatures { get; init; } = [];

    /// <summary>Variance of each patient's linear predictor that its shares leave open (<see cref="ContributionModel.SharesVariance"/>), S; empty to take shares for known.</summary>
    public double[] PatientVariance { get; init; } = [];

    /// <summary>Features of further patients or spots to give intervals for, rows x F.</summary>
    public double[] OtherFeatures { get; init; } = [];

    /// <summary>As <see cref="PatientVariance"/>, for those.</summary>
    public double[] OtherVariance { get; init; } = [];
}

/// <summary>A quantity with its posterior interval (normal approximation), its scatter when patients are drawn again, and its test.</summary>
/// <param name="Posterior">UncertainValue and interval from the curvature of the likelihood, at the strengths that were found.</param>
/// <param name="Bootstrap">The same from patients drawn with replacement; null without.</param>
/// <param name="Test">Permutation test; null where there is none.</param>
public sealed record QuantityUncertainty(UncertainValue Posterior, UncertainValue? Bootstrap, FunctionTest? Test);

/// <summary>How sure a fit is: of each cell, type, gene and patient, and of there being any signal.</summary>
public sealed class UncertaintyAnalysis
{
    /// <summary>Contribution of each cell relative to the average cell of the average patient.</summary>
    public required IReadOnlyList<QuantityUncertainty> Cells { get; init; }

    /// <summary>Mean contribution of each type; the probability that it is above 0 is the probability that the type is adverse.</summary>
    public required IReadOnlyList<QuantityUncertainty> Types { get; init; }

    /// <summary>Correlation over cells of each gene's rate with the contribution.</summary>
    public required IReadOnlyList<QuantityUncertainty> Genes { get; init; }

    /// <summary>Linear predictor of each patient that was learned from, relative to the average one.</summary>
    public required IReadOnlyList<QuantityUncertainty> Patients { get; init; }

    /// <summary>The same for further patients.</summary>
    public required IReadOnlyList<QuantityUncertainty> Others { get; init; }

    /// <summary>The permutation test of any signal; null without permutations.</summary>
    public required SignalTest? Signal { get; init; }

    /// <summary>Power of a cohort of this size for the effect of the options, half and twice of it; empty without simulations.</summary>
    public required IReadOnlyList<PowerPoint> Power { get; init; }

    /// <summary>What a reader must know about the size of the cohort; null when it is large enough.</summary>
    public required string? Caution { get; init; }

    /// <summary>Runs it.</summary>
    /// <param name="input">The fit and what it was made from.</param>
    /// <param name="options">How.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellation">Interrupts.</param>
    public static UncertaintyAnalysis Run(UncertaintyInput input, UncertaintyOptions options, RandomKey key, int threads, ITrainingProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        ContributionFit fit = input.Fit;
        double[] types = input.CellFeatures.Means(input.GroupOf, input.Groups.Count, threads);
        ContributionDraws? bootstrap = null;
        if (options.Bootstrap > 0)
        {
            progress.Message($"drawing {input.Outcome.Count} patients with replacement {options.Bootstrap} times");
            bootstrap = PatientBootstrap.Run(input.Outcome, input.PatientFeatures, fit, options.Bootstrap, key.Split("bootstrap"), options.Fit, options.Ties, threads, input.Variance, cancellation);
        }
        IReadOnlyList<FunctionTest>? typeTests = null, geneTests = null;
        SignalTest? signal = null;
        double[] scale = TestLoadings.Scale(input.PatientFeatures, fit.Components);
        double[] loadings = TestLoadings.Apply(input.PatientFeatures, scale);
        var without = NullModel.Of(input.Outcome, options.Fit?.Covariates, options.Fit?.Offset, options.Ties, options.Fit?.CovariateNames);
        if (options.Permutations > 0)
        {
            progress.Message($"permuting follow-up {options.Permutations} times");
            signal = new SignalTest(without, loadings, options.Permutations, key.Split("permutations"), threads);
            typeTests = signal.Test(Contrasts(types, fit.Center, scale), pooled: false);
            if (input.GeneFeatures.Length > 0) geneTests = signal.Test(Contrasts(input.GeneFeatures, null, scale), pooled: true);
        }
        cancellation.ThrowIfCancellationRequested();
        var power = new List<PowerPoint>();
        string? caution = null;
        if (input.Outcome.Kind != OutcomeKind.Survival)
        {
            // Power is simulated for survival; few patients are few for any outcome.
            if (input.Outcome.Information < PowerAnalysis.MinimumEvents)
                caution = $"{input.Outcome.Information} patients{(input.Outcome.Kind == OutcomeKind.Binary ? " with the rarer outcome" : "")} are too few for any conclusion (at least {PowerAnalysis.MinimumEvents}).";
        }
        else if (options.PowerSimulations > 0)
        {
            // Beyond covariates only what they leave of the differences between patients can be seen.
            int patients = input.Outcome.Count, events = input.Outcome.Information;
            var analysis = new PowerAnalysis(without.Adjust(loadings), patients);
            RandomKey powerKey = key.Split("power");
            foreach (double factor in (double[])[0.5, 1, 2])
                power.Add(analysis.Simulate(patients, (double)events / patients, factor * options.Effect, options.PowerSimulations, powerKey, threads, cancellation));
            caution = analysis.Caution(patients, events, options.Effect, powerKey, options.PowerSimulations, threads);
        }
        return new UncertaintyAnalysis
        {
            Cells = OfCells(fit, bootstrap, input.CellFeatures, threads),
            Types = Linear(fit, bootstrap, types, typeTests, threads),
            Genes = GeneCorrelations(input, bootstrap, ContributionDraws.Posterior(fit, options.PosteriorDraws, key.Split("posterior")), geneTests, threads),
            Patients = Linear(fit, bootstrap, input.PatientFeatures, null, threads, input.PatientVariance),
            Others = Linear(fit, bootstrap, input.OtherFeatures, null, threads, input.OtherVariance),
            Signal = signal,
            Power = power,
            Caution = caution,
        };
    }

    private static double[][] Contrasts(double[] features, double[]? center, double[] scale)
    {
        int f = scale.Length;
        return [.. Enumerable.Range(0, features.Length / f).Select(i =>
        {
            // A function of the coefficients; on the scale of the loadings its weights are multiplied likewise.
            var w = new double[f];
            for (int j = 0; j < f; j++) w[j] = (features[(long)i * f + j] - (center?[j] ?? 0)) * scale[j];
            return w;
        })];
    }

    private static QuantityUncertainty[] OfCells(ContributionFit fit, ContributionDraws? bootstrap, CellFeatures features, int threads)
    {
        var all = new QuantityUncertainty[features.Cells];
        features.ForEachBlock((first, count, block) => Linear(fit, bootstrap, block.AsMemory(0, count * features.Width), null, threads).CopyTo(all, first), threads);
        return all;
    }

    private static QuantityUncertainty[] Linear(ContributionFit fit, ContributionDraws? bootstrap, ReadOnlyMemory<double> features, IReadOnlyList<FunctionTest>? tests, int threads, double[]? more = null)
    {
        ContributionValues values = fit.Of(features, threads).Widened(more ?? []);
        double[] lower = values.Lower, upper = values.Upper, positive = values.ProbabilityPositive;
        UncertainValue[]? drawn = bootstrap?.Of(features, values.Mean, threads);
        if (more is { Length: > 0 }) drawn = drawn?.Select((d, i) => d.Widened(more[i])).ToArray();
        return [.. values.Mean.Select((m, i) => new QuantityUncertainty(new UncertainValue(m, values.StandardDeviation[i], lower[i], upper[i], positive[i]), drawn?[i], tests?[i]))];
    }

    private static QuantityUncertainty[] GeneCorrelations(UncertaintyInput input, ContributionDraws? bootstrap, ContributionDraws posterior, IReadOnlyList<FunctionTest>? tests, int threads)
    {
        int f = input.Fit.Center.Length, genes = input.GeneFeatures.Length / f;
        if (genes == 0) return [];
        double[] covariance = input.CellFeatures.Covariance(threads);
        double Deviation(double[] w)
        {
            double sum = 0;
            for (int j = 0; j < f; j++) sum += w[j] * Vectors.Dot(covariance.AsSpan(j * f, f), w);
            return Math.Sqrt(Math.Max(0, sum));
        }
        double estimate = Deviation(input.Fit.Coefficients);
        double[] posteriorDeviation = [.. posterior.Coefficients.Select(Deviation)], bootstrapDeviation = [.. (bootstrap?.Coefficients ?? []).Select(Deviation)];
        var result = new QuantityUncertainty[genes];
        Parallel.For(0, genes, new ParallelOptions { MaxDegreeOfParallelism = threads }, g =>
        {
            double[] functional = input.GeneFeatures.AsSpan(g * f, f).ToArray();
            double R(double[] w, double deviation) => deviation > 0 ? Vectors.Dot(functional, w) / deviation : 0;
            UncertainValue Of(ContributionDraws draws, double[] deviation) => UncertainValue.OfDraws(R(input.Fit.Coefficients, estimate), [.. draws.Coefficients.Select((w, d) => R(w, deviation[d]))]);
            result[g] = new QuantityUncertainty(Of(posterior, posteriorDeviation), bootstrap is null ? null : Of(bootstrap, bootstrapDeviation), tests?[g]);
        });
        return result;
    }
}
