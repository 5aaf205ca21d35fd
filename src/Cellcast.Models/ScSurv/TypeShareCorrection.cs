using Cellcast.Analysis;
using Cellcast.AnnData;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// Shares of the types, read from the bulk counts once more. The networks learn the cells' shares together with the genes' efficiency, background and dispersion, and where types are many, small or
/// alike, all of these settle on a compromise that leaves shares wrong. Here a patient's expected count per unit of size is a sum_t S_t mu_t with mu_t the mean rate of the labelled cells;
/// efficiencies a begin at 1 and follow from the totals over patients, dispersions from the residuals, and S is normal around what the networks found, not negative, with a variance per type that is
/// learned from the cohort (empirical Bayes): where the networks were right it goes to zero, and nothing changes. The profiles are known with errors, which <see cref="ProfileErrors"/> takes into account.
/// </summary>
/// <remarks>Shares within a type stay as they are. Alternating maximisation, deterministic.</remarks>
internal sealed class TypeShareCorrection
{
    private const int MostRounds = 20, MostSweeps = 500, AttentiveRounds = 3;
    private const double FirstDeviation = 0.05, LeastVariance = 1e-8, Settled = 2e-4, SweepTolerance = 1e-9, FirstDispersion = 4, MostDispersion = 1000, LeastDispersion = 0.05;

    private readonly int _genes, _types;
    private (double[] X, double[] Y) _design;

    internal TypeShareCorrection(int genes, double[] profiles, double[] errors, double[] scale, double[] dispersion, double[] variance, double inflation, double[] average, double errorShare)
    {
        (_genes, Profiles, Scale, Dispersion, Variance, Inflation, Average, ErrorShare) = (genes, profiles, scale, dispersion, variance, inflation, average, errorShare);
        _types = variance.Length;
        Errors = new ProfileErrors(profiles, errors, _types);
        _design = Errors.Design(average);
        if (profiles.Length != (long)genes * _types || scale.Length != genes || dispersion.Length != genes || average.Length != _types) throw new InvalidDataException("the corrections of the types' shares do not fit each other");
    }

    /// <summary>Mean rate of each type, T x G; cells without a label are a type of their own at the end.</summary>
    internal double[] Profiles { get; }

    /// <summary>Errors of <see cref="Profiles"/>.</summary>
    internal ProfileErrors Errors { get; }

    /// <summary>Which share of their variance the cohort shows.</summary>
    internal double ErrorShare { get; private set; }

    /// <summary>Mean shares of the patients that were learned from, T.</summary>
    internal double[] Average { get; private set; }

    /// <summary>Efficiency of each gene.</summary>
    internal double[] Scale { get; private set; }

    /// <summary>Dispersion of each gene: total count of the negative binomial.</summary>
    internal double[] Dispersion { get; private set; }

    /// <summary>Variance of each type's share around what the networks found.</summary>
    internal double[] Variance { get; private set; }

    /// <summary>Observed over expected variance, at least 1.</summary>
    internal double Inflation { get; private set; }

    /// <summary>Groups of cells: the types, and those without one.</summary>
    /// <param name="typeOf">Type of each cell, -1 for none.</param>
    /// <param name="types">Number of types.</param>
    internal static (int[] Of, int Count) Groups(int[] typeOf, int types) =>
        typeOf.Any(t => t < 0) ? ([.. typeOf.Select(t => t < 0 ? types : t)], types + 1) : (typeOf, types);

    /// <summary>Learns efficiencies, dispersions and variances from a cohort.</summary>
    /// <param name="profiles">Mean rate of each type, T x G.</param>
    /// <param name="errors">Their sampling variance, T x G; empty for none.</param>
    /// <param name="mixtures">Counts.</param>
    /// <param name="found">Shares of the types by the networks, S x T.</param>
    /// <param name="learn">Mixtures that are learned from.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Checked between rounds.</param>
    internal static TypeShareCorrection Learn(double[] profiles, double[] errors, Mixtures mixtures, double[] found, int[] learn, int threads, CancellationToken cancellation = default)
    {
        int g = profiles.Length == 0 ? 0 : mixtures.Counts.Length / Math.Max(1, mixtures.Count), t = g == 0 ? 0 : profiles.Length / g;
        double[] scale = new double[g], dispersion = new double[g], variance = new double[t];
        Array.Fill(scale, 1);
        Array.Fill(dispersion, FirstDispersion);
        Array.Fill(variance, FirstDeviation * FirstDeviation);
        var model = new TypeShareCorrection(g, profiles, errors, scale, dispersion, variance, 1, new double[t], 0);
        if (t < 2 || learn.Length < 2) return model;
        double[] now = new double[learn.Length * t], conditional = new double[learn.Length * t];
        for (int i = 0; i < learn.Length; i++) found.AsSpan(learn[i] * t, t).CopyTo(now.AsSpan(i * t, t));
        for (int round = 0; round < MostRounds; round++)
        {
            cancellation.ThrowIfCancellationRequested();
            model.FollowTotals(mixtures, learn, now, threads);
            var moved = new double[learn.Length];
            double[] before = now, next = new double[now.Length];
            Blocks.For(learn.Length, threads, i =>
            {
                model.Solve(mixtures, learn[i], null, found.AsSpan(learn[i] * t, t), before.AsSpan(i * t, t), next.AsSpan(i * t, t), conditional.AsSpan(i * t, t));
                for (int k = 0; k < t; k++) moved[i] = Math.Max(moved[i], Math.Abs(next[i * t + k] - before[i * t + k]));
            });
            now = next;
            var spread = new double[t];
            for (int i = 0; i < learn.Length; i++)
                for (int k = 0; k < t; k++)
                {
                    double d = now[i * t + k] - found[learn[i] * t + k];
                    spread[k] += (d * d + conditional[i * t + k]) / learn.Length;
                }
            model.Variance = [.. spread.Select(v => Math.Max(LeastVariance, v))];
            if (round >= AttentiveRounds && moved.Average() < Settled) break;
        }
        return model;
    }

    /// <summary>Corrected shares.</summary>
    /// <param name="mixtures">Counts.</param>
    /// <param name="found">Shares of the types by the networks, S x T.</param>
    /// <param name="present">Genes that the counts have, or null for all.</param>
    /// <param name="threads">Threads, 0 for all cores; mixtures do not depend on one another.</param>
    /// <returns>S x T; every row has the sum that it had.</returns>
    internal double[] Apply(Mixtures mixtures, double[] found, int[]? present, int threads)
    {
        int t = _types;
        if (t < 2) return found;
        var corrected = new double[found.Length];
        Blocks.For(mixtures.Count, threads, s =>
        {
            double[] now = found.AsSpan(s * t, t).ToArray(), next = new double[t], unused = new double[t];
            // Weights follow from the expected counts, and these from the shares.
            for (int round = 0; round < AttentiveRounds; round++)
            {
                Solve(mixtures, s, present, found.AsSpan(s * t, t), now, next, unused);
                next.CopyTo(now, 0);
            }
            now.CopyTo(corrected, s * t);
        });
        return corrected;
    }

    /// <summary>Gives the cells of every type the corrected total, each in proportion.</summary>
    /// <param name="shares">N x S, changed in place.</param>
    /// <param name="groupOf">Group of each cell.</param>
    /// <param name="before">Shares of the groups, S x T.</param>
    /// <param name="after">Corrected ones.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    internal static void Rescale(RowStore shares, int[] groupOf, double[] before, double[] after, int threads)
    {
        int n = groupOf.Length, width = shares.Columns, t = width == 0 ? 0 : before.Length / width;
        if (t == 0) return;
        var cells = new int[t];
        foreach (int group in groupOf) cells[group]++;
        const int BlockRows = 1024;
        var buffer = new float[Math.Min(BlockRows, n) * width];
        for (int first = 0; first < n; first += BlockRows)
        {
            int count = Math.Min(BlockRows, n - first);
            shares.Read(first, buffer.AsSpan(0, count * width));
            Blocks.Ranges(width, threads, (from, to) =>
            {
                for (int c = 0; c < count; c++)
                {
                    int group = groupOf[first + c];
                    for (int s = from; s < to; s++)
                    {
                        double had = before[s * t + group], has = after[s * t + group];
                        // A type of which the networks found nothing is shared out evenly.
                        buffer[c * width + s] = (float)(had > 1e-12 ? buffer[c * width + s] * (has / had) : has / cells[group]);
                    }
                }
            });
            shares.Write(first, buffer.AsSpan(0, count * width));
        }
    }

    /// <summary>Efficiencies by the totals over patients, then dispersions, the inflation and the share of the profiles' errors by the residuals.</summary>
    private void FollowTotals(Mixtures mixtures, int[] learn, double[] shares, int threads)
    {
        int g = _genes, t = _types, n = learn.Length;
        var average = new double[t];
        for (int i = 0; i < n; i++) Blocks.AddScaled(1.0 / n, shares.AsSpan(i * t, t), average);
        Average = average;
        var rate = new double[n * g];
        Blocks.For(n, threads, i => Rates(shares.AsSpan(i * t, t), rate.AsSpan(i * g, g)));
        double[] scale = [.. Scale], dispersion = new double[g], residual = new double[n * g], weight = new double[n * g];
        Blocks.For(g, threads, j =>
        {
            double observed = 0, expected = 0, over = 0, square = 0;
            for (int i = 0; i < n; i++)
            {
                observed += mixtures.Counts[learn[i] * g + j] / (double)mixtures.Size[learn[i]];
                expected += rate[i * g + j];
            }
            if (expected > 0) scale[j] = observed / expected;
            for (int i = 0; i < n; i++)
            {
                double size = mixtures.Size[learn[i]], m = scale[j] * rate[i * g + j], e = residual[i * g + j] = mixtures.Counts[learn[i] * g + j] / size - m;
                over += e * e - m / size;
                square += m * m;
            }
            dispersion[j] = square > 0 ? Math.Clamp(square / Math.Max(over, square / MostDispersion), LeastDispersion, MostDispersion) : FirstDispersion;
        });
        (Scale, Dispersion) = (scale, dispersion);
        var misfit = new double[n];
        Blocks.For(n, threads, i =>
        {
            for (int j = 0; j < g; j++)
            {
                double w = weight[i * g + j] = Weight(scale[j] * rate[i * g + j], mixtures.Size[learn[i]], dispersion[j]), e = residual[i * g + j];
                misfit[i] += e * e * w / g;
            }
        });
        Inflation = Math.Max(1, ScSurvResults.Median(misfit));
        _design = Errors.Design(average);
        if (Errors.Variance.Length > 0) ErrorShare = Errors.ShareIn(shares, average, rate, scale, residual, weight, threads);
    }

    /// <summary>Shares of one mixture: the normal prior times the normal likelihood with weights at <paramref name="now"/>, not negative, by coordinate descent.</summary>
    private void Solve(Mixtures mixtures, int s, int[]? present, ReadOnlySpan<double> found, ReadOnlySpan<double> now, Span<double> next, Span<double> conditional)
    {
        int g = _genes, t = _types;
        double[] mean = new double[g], prior = new double[g], weight = new double[g], weighted = new double[g], normal = new double[t * t], right = new double[t], d = new double[t];
        Rates(now, mean);
        Rates(found, prior);
        double size = mixtures.Size[s];
        void Add(int j)
        {
            double w = Weight(Scale[j] * mean[j], size, Dispersion[j]) / Inflation * Scale[j];
            weight[j] = w * Scale[j];
            weighted[j] = w * (mixtures.Counts[s * g + j] / size - Scale[j] * prior[j]);
        }
        if (present is null) for (int j = 0; j < g; j++) Add(j);
        else foreach (int j in present) Add(j);
        var row = new double[g];
        for (int k = 0; k < t; k++)
        {
            ReadOnlySpan<double> profile = Profiles.AsSpan(k * g, g);
            right[k] = Blocks.Dot(profile, weighted);
            for (int j = 0; j < g; j++) row[j] = weight[j] * profile[j];
            for (int l = 0; l <= k; l++) normal[k * t + l] = normal[l * t + k] = Blocks.Dot(row, Profiles.AsSpan(l * g, g));
        }
        Errors.TakeOut(normal, right, found, _design, weight, ErrorShare);
        for (int k = 0; k < t; k++) normal[k * t + k] += 1 / Variance[k];
        for (int sweep = 0; sweep < MostSweeps; sweep++)
        {
            double moved = 0;
            for (int k = 0; k < t; k++)
            {
                double value = Math.Max(-found[k], d[k] + (right[k] - Blocks.Dot(normal.AsSpan(k * t, t), d)) / normal[k * t + k]);
                moved = Math.Max(moved, Math.Abs(value - d[k]));
                d[k] = value;
            }
            if (moved < SweepTolerance) break;
        }
        double before = 0, after = 0;
        for (int k = 0; k < t; k++) (before, after) = (before + found[k], after + found[k] + d[k]);
        for (int k = 0; k < t; k++)
        {
            next[k] = after > 0 ? (found[k] + d[k]) * before / after : found[k];
            conditional[k] = 1 / normal[k * t + k];
        }
    }

    private void Rates(ReadOnlySpan<double> shares, Span<double> rates)
    {
        rates.Clear();
        for (int k = 0; k < _types; k++) Blocks.AddScaled(shares[k], Profiles.AsSpan(k * _genes, _genes), rates);
    }

    private static double Weight(double mean, double size, double dispersion) => 1 / (mean / size + mean * mean / dispersion + 1e-12);
}
