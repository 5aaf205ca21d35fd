using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>Coefficients of many fits, or draws from one: what a function of them scatters by.</summary>
/// <param name="Coefficients">Draws x F.</param>
/// <param name="Center">Features of the average patient, F: contributions are relative to it.</param>
public sealed record ContributionDraws(double[][] Coefficients, double[] Center)
{
    /// <summary>Contributions (cells, means over types) or linear predictors (patients) with their scatter.</summary>
    /// <param name="features">Rows x F.</param>
    /// <param name="values">The estimates, one per row.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    public UncertainValue[] Of(ReadOnlyMemory<double> features, double[] values, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(values);
        int f = Center.Length;
        var result = new UncertainValue[values.Length];
        Parallel.For(0, values.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            var centered = new double[f];
            ReadOnlySpan<double> row = features.Span.Slice(i * f, f);
            for (int j = 0; j < f; j++) centered[j] = row[j] - Center[j];
            result[i] = UncertainValue.OfDraws(values[i], [.. Coefficients.Select(w => Vectors.Dot(centered, w))]);
        });
        return result;
    }

    /// <summary>Draws from the normal approximation around a fit.</summary>
    /// <param name="fit">The fit.</param>
    /// <param name="draws">How many.</param>
    /// <param name="key">Source of chance.</param>
    public static ContributionDraws Posterior(ContributionFit fit, int draws, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(fit);
        int f = fit.Coefficients.Length;
        double[] factor = [.. fit.Covariance];
        // Components that the data switched off have no variance at all.
        double largest = 0;
        for (int j = 0; j < f; j++) largest = Math.Max(largest, factor[j * f + j]);
        for (int j = 0; j < f; j++) factor[j * f + j] += Math.Max(1e-10 * largest, 1e-300);
        LowerFactor.Factor(factor, f);
        var result = new double[draws][];
        for (int d = 0; d < draws; d++)
        {
            var random = new RandomStream(key.Split(d));
            double[] z = new double[f], w = new double[f];
            for (int j = 0; j < f; j++) z[j] = random.NextNormal();
            for (int j = 0; j < f; j++) w[j] = fit.Coefficients[j] + Vectors.Dot(factor.AsSpan(j * f, j + 1), z.AsSpan(0, j + 1));
            result[d] = w;
        }
        return new ContributionDraws(result, fit.Center);
    }
}

/// <summary>
/// Patients drawn with replacement and the hazard fitted again to each draw; latent states and shares stay as they are. A penalised estimate is pulled towards zero in every resampled
/// cohort alike, which resampling alone cannot see: its scatter is too small by that bias. So each draw is pulled towards another point, drawn from the prior, with strengths drawn from those
/// that the data allow. Where survival decides, this is the plain bootstrap; where the prior does, its draws are the prior's.
/// </summary>
/// <remarks>Sources: Newton and Raftery (1994), weighted likelihood bootstrap; Bardsley et al. (2014), randomize-then-optimize.</remarks>
public static class PatientBootstrap
{
    /// <summary>Fits every draw.</summary>
    /// <param name="outcome">Outcome of the patients that were learned from; with strata patients are drawn within them.</param>
    /// <param name="features">Their features, S x F.</param>
    /// <param name="fit">The fit to all of them.</param>
    /// <param name="draws">Number of draws; a draw that holds fewer than two deaths, of either outcome, or different numbers is drawn again.</param>
    /// <param name="key">Source of chance: draw number i depends on it and i only.</param>
    /// <param name="options">What the fit was made with (covariates, offset); its strengths are drawn from those of the fit.</param>
    /// <param name="ties">Treatment of ties.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    /// <param name="variance">Variance of the errors of a continuous outcome, as the fit found it.</param>
    /// <param name="cancellation">Interrupts between fits.</param>
    public static ContributionDraws Run(Outcome outcome, double[] features, ContributionFit fit, int draws, RandomKey key, ContributionOptions? options = null, TieMethod ties = TieMethod.Efron,
        int threads = 1, double? variance = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(fit);
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 2);
        int n = outcome.Count;
        if (outcome.Information < 2) throw new SurvivalDataException($"{outcome.Information} {(outcome.Kind == OutcomeKind.Survival ? "event" : "patient")}{(outcome.Information == 1 ? "" : "s")} cannot be resampled: at least 2 are needed");
        int[][] groups = outcome is SurvivalOutcome { Data: var survival } && !survival.Strata.IsEmpty
            ? [.. Enumerable.Range(0, n).GroupBy(i => survival.Strata[i]).OrderBy(g => g.Key).Select(g => g.ToArray())]
            : [[.. Enumerable.Range(0, n)]];
        options ??= new ContributionOptions();
        int f = fit.Coefficients.Length;
        double[] unit = ContributionFit.PriorScale(features, fit.Components);
        var result = new double[draws][];
        Parallel.For(0, draws, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, d =>
        {
            var random = new RandomStream(key.Split(d));
            var weight = new double[n];
            do
            {
                Array.Clear(weight);
                foreach (int[] members in groups)
                    for (int i = 0; i < members.Length; i++) weight[members[random.NextInt32(members.Length)]]++;
            }
            while (!Tells(outcome, weight));
            Outcome sample = outcome.Reweight(weight);
            ILikelihood likelihood = sample is ContinuousOutcome c && variance is { } v ? new GaussianLikelihood(c.Values, v, c.Weights) : sample.CreateLikelihood(ties);
            IReadOnlyList<double> strengths = Draw(fit.Alternatives, random);
            double[] prior = new double[f], offset = options.Offset is null ? new double[n] : [.. options.Offset];
            for (int k = 0; k < fit.Components.Count; k++)
                for (int j = fit.Components[k].First; j < fit.Components[k].First + fit.Components[k].Count; j++) prior[j] = strengths[k] * unit[k] * random.NextNormal();
            for (int i = 0; i < n; i++)
                for (int j = 0; j < f; j++) offset[i] += (features[i * f + j] - fit.Center[j]) * prior[j];
            ContributionFit refit = ContributionFit.Fit(likelihood, features, fit.Components, options with { Strengths = strengths, Offset = offset });
            result[d] = [.. refit.Coefficients.Select((w, j) => w + prior[j])];
        });
        return new ContributionDraws(result, fit.Center);
    }

    private static bool Tells(Outcome outcome, double[] weight)
    {
        bool Two(Func<int, bool> which) => Enumerable.Range(0, weight.Length).Count(i => weight[i] > 0 && which(i)) >= 2;
        return outcome switch
        {
            SurvivalOutcome s => Two(i => s.Data.Event[i]),
            BinaryOutcome b => Two(i => b.Values[i]) && Two(i => !b.Values[i]),
            ContinuousOutcome c => Enumerable.Range(0, weight.Length).Where(i => weight[i] > 0).Select(i => c.Values[i]).Distinct().Count() > 1,
            _ => true,
        };
    }

    private static IReadOnlyList<double> Draw(IReadOnlyList<StrengthAlternative> alternatives, RandomStream random)
    {
        double u = random.NextUniform();
        foreach (StrengthAlternative a in alternatives)
            if ((u -= a.Weight) < 0) return a.Strengths;
        return alternatives[0].Strengths;
    }
}
