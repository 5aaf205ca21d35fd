using Cellcast.Analysis;
using Cellcast.AnnData;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// Shares of the types, read from the bulk counts once more, with mean rates of the types that the cohort itself puts right. The networks learn the cells' shares together with the genes' efficiency,
/// background and dispersion, and where types are many, small or alike, all of these settle on a compromise that leaves shares wrong. The mean rates of the labelled cells are wrong too: they come from
/// finitely many cells, sometimes a handful, while a patient's cells are others. But hundreds of patients with different shares show the rates better than few cells do. So a patient's expected count per
/// unit of size is a (sum_t S_t mu_t + sum_q z_q b_q), with efficiencies a that follow from the totals over patients, rates mu normal around those of the cells with their sampling variance, shares S that
/// are not negative and normal around what the networks found (standard deviation 0.1: it decides between types that the counts cannot tell apart), and scores z of what no type explains with rates b that are free.
/// Shares and rates maximise the posterior in turns. Rates that have to stay as they are may be wrong; then the cohort decides how far each type's shares are from the networks' (empirical Bayes). Genes have the same weights in all patients, so that shares are nearly a linear map of the counts, and the same one for new patients.
/// </summary>
/// <remarks>What ties mu to the types is that the cells' rates err independently over thousands of genes, while a wrong mixture of types would be wrong in all of them. Shares within a type stay as they
/// are. Alternating maximisation, deterministic.</remarks>
internal sealed class TypeShareCorrection
{
    private const int MostRounds = 20, MostSweeps = 1000, AnchorSteps = 30;
    private const double Settled = 2e-4, SweepTolerance = 1e-9, FirstDispersion = 10, MostDispersion = 1000, LeastDispersion = 0.05, LeastRate = 0.1, FirstDeviation = 0.1, LeastVariance = 1e-8;

    // What errors of the cells' own rates leave of a log amount, in simulated cohorts mixed from real cells.
    private const double AnchorError = 0.3, LeastNoise = 1e-6;

    private readonly int _genes, _types;

    internal TypeShareCorrection(int genes, double[] profiles, double[] scale, double[] weight, double[] variance, double inflation, double[] unexplained)
    {
        (_genes, _types, Profiles, Scale, Weight, Variance, Inflation, Unexplained) = (genes, genes == 0 ? 0 : profiles.Length / genes, profiles, scale, weight, variance, inflation, unexplained);
        if (profiles.Length != (long)genes * _types || scale.Length != genes || weight.Length != genes || variance.Length != _types || unexplained.Length % Math.Max(1, genes) != 0)
            throw new InvalidDataException("the corrections of the types' shares do not fit each other");
    }

    /// <summary>Mean rate of each type in the cohort, T x G; cells without a label are a type of their own at the end.</summary>
    internal double[] Profiles { get; private set; }

    /// <summary>Efficiency of each gene.</summary>
    internal double[] Scale { get; private set; }

    /// <summary>Weight of each gene: inverse variance of a patient's count per unit of size.</summary>
    internal double[] Weight { get; private set; }

    /// <summary>Variance of each type's share around what the networks found.</summary>
    internal double[] Variance { get; private set; }

    /// <summary>Observed over expected variance of a patient, at least 1.</summary>
    internal double Inflation { get; private set; }

    /// <summary>Rates that patients differ in and that no type explains, per unit of a score; Q x G. Without them what is missing from the reference would go into the rates of the types.</summary>
    internal double[] Unexplained { get; private set; }

    // Types, then what they do not explain.
    private int Rows => _types + (_genes == 0 ? 0 : Unexplained.Length / _genes);

    private ReadOnlySpan<double> RowOf(int k) => k < _types ? Profiles.AsSpan(k * _genes, _genes) : Unexplained.AsSpan((k - _types) * _genes, _genes);

    /// <summary>Groups of cells: the types, and those without one.</summary>
    /// <param name="typeOf">Type of each cell, -1 for none.</param>
    /// <param name="types">Number of types.</param>
    internal static (int[] Of, int Count) Groups(int[] typeOf, int types) =>
        typeOf.Any(t => t < 0) ? ([.. typeOf.Select(t => t < 0 ? types : t)], types + 1) : (typeOf, types);

    /// <summary>Learns rates, efficiencies and weights from a cohort.</summary>
    /// <param name="profiles">Mean rate of each type, T x G.</param>
    /// <param name="variance">Their sampling variance, T x G; empty for rates that are to stay as they are.</param>
    /// <param name="mixtures">Counts.</param>
    /// <param name="found">Shares of the types by the networks, S x T.</param>
    /// <param name="learn">Mixtures that are learned from.</param>
    /// <param name="unexplained">Scores of all mixtures for what no type explains, S x Q; null for none.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Checked between rounds.</param>
    internal static TypeShareCorrection Learn(double[] profiles, double[] variance, Mixtures mixtures, double[] found, int[] learn, double[]? unexplained, int threads, CancellationToken cancellation = default)
    {
        int g = mixtures.Count == 0 ? 0 : mixtures.Counts.Length / mixtures.Count, t = g == 0 ? 0 : profiles.Length / g;
        double[] scale = new double[g], weight = new double[g], around = new double[t];
        Array.Fill(scale, 1);
        Array.Fill(weight, 1);
        Array.Fill(around, FirstDeviation * FirstDeviation);
        int q = mixtures.Count == 0 || unexplained is null ? 0 : unexplained.Length / mixtures.Count;
        var model = new TypeShareCorrection(g, profiles, scale, weight, around, 1, []);
        if (t < 2 || learn.Length < 2) return model;
        var cohort = new Cohort(mixtures, learn, g);
        model.Weight = cohort.Weights([.. Enumerable.Repeat(FirstDispersion, g)]);
        double[]? before = null;
        for (int round = 0; round < MostRounds; round++)
        {
            cancellation.ThrowIfCancellationRequested();
            var (amounts, open) = model.Amounts(mixtures, learn, found, null, threads);
            int d = model.Rows;
            model.Follow(cohort, amounts, threads);
            if (variance.Length > 0)
            {
                // The scores are where they were given in the first round, and follow from the counts later.
                if (d == t && q > 0) amounts = [.. Enumerable.Range(0, learn.Length).SelectMany(i => amounts[(i * t)..((i + 1) * t)].Concat(unexplained![(learn[i] * q)..((learn[i] + 1) * q)]))];
                model.Refine(cohort, profiles, variance, amounts, threads);
            }
            double[] shares = Shares(amounts, amounts.Length / learn.Length, t);
            // With rates that are right the counts say more than the networks, which only decide between types that the counts cannot tell apart; with rates that may be wrong, the cohort says which to trust.
            if (variance.Length == 0) model.Variance = Spread(shares, open, found, learn);
            if (before is not null && shares.Zip(before, (a, b) => Math.Abs(a - b)).Average() * t < Settled) break;
            before = shares;
        }
        if (variance.Length == 0) return model;
        double[] last = model.Amounts(mixtures, learn, found, null, threads).Amounts, mean = new double[t];
        for (int i = 0; i < learn.Length; i++) Blocks.AddScaled(1.0 / learn.Length, last.AsSpan(i * model.Rows, t), mean);
        double[] anchor = Anchor(cohort.Mean, mean, model.Profiles);
        if (anchor.Length > 0)
        {
            model.Profiles = [.. model.Profiles.Select((v, at) => v * Math.Exp(-anchor[at / g]))];
            model.Follow(cohort, model.Amounts(mixtures, learn, found, null, threads).Amounts, threads);
        }
        return model;
    }

    /// <summary>Variance of the types' shares around what the networks found, T.</summary>
    private static double[] Spread(double[] shares, double[] open, double[] found, int[] learn)
    {
        int t = open.Length;
        var spread = new double[t];
        for (int i = 0; i < learn.Length; i++)
            for (int k = 0; k < t; k++)
            {
                double off = shares[i * t + k] - found[learn[i] * t + k];
                spread[k] += (off * off + open[k]) / learn.Length;
            }
        return [.. spread.Select(v => Math.Max(LeastVariance, v))];
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
        double[] shares = Shares(Amounts(mixtures, [.. Enumerable.Range(0, mixtures.Count)], found, present, threads).Amounts, Rows, t);
        for (int s = 0; s < mixtures.Count; s++)
        {
            double sum = 0, now = 0;
            for (int k = 0; k < t; k++) (sum, now) = (sum + found[s * t + k], now + shares[s * t + k]);
            for (int k = 0; k < t; k++) shares[s * t + k] = now > 0 ? shares[s * t + k] * sum / now : found[s * t + k];
        }
        return shares;
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

    private static double[] Shares(double[] amounts, int width, int types) =>
        [.. Enumerable.Range(0, amounts.Length / width).SelectMany(i => amounts[(i * width)..(i * width + types)])];

    /// <summary>Amounts of the types in mixtures, not negative and of sum one, then scores of what no type explains: normal prior times normal likelihood; n x D. And the variance that is left to each
    /// type when the others are known.</summary>
    private (double[] Amounts, double[] Open) Amounts(Mixtures mixtures, int[] which, double[] found, int[]? present, int threads)
    {
        int g = _genes, t = _types, d = Rows;
        // Weighted rows, D x G, and what they make of the rows themselves.
        double[] rows = new double[d * g], normal = new double[d * d], amounts = new double[which.Length * d], bounds = new double[d];
        var has = new double[g];
        if (present is null) Array.Fill(has, 1);
        else foreach (int j in present) has[j] = 1;
        Blocks.For(d, threads, k =>
        {
            var weighted = new double[g];
            ReadOnlySpan<double> row = RowOf(k);
            for (int j = 0; j < g; j++)
            {
                rows[k * g + j] = has[j] * Weight[j] * Scale[j] * row[j];
                weighted[j] = rows[k * g + j] * Scale[j];
            }
            for (int l = 0; l < d; l++) normal[k * d + l] = Blocks.Dot(weighted, RowOf(l));
        });
        // Scores have variance 1 a priori.
        double[] prior = [.. Enumerable.Range(0, d).Select(k => Inflation / (k < t ? Variance[k] : 1))];
        bounds.AsSpan(t).Fill(double.NegativeInfinity);
        for (int k = 0; k < d; k++)
        {
            normal[k * d + k] += prior[k];
            for (int l = 0; l < k; l++) normal[k * d + l] = normal[l * d + k];
        }
        Blocks.For(which.Length, threads, i =>
        {
            int s = which[i];
            double size = mixtures.Size[s], sum = 0;
            Span<double> own = amounts.AsSpan(i * d, d);
            found.AsSpan(s * t, t).CopyTo(own);
            // A mixture without a count says nothing.
            if (size > 0)
            {
                double[] rate = new double[g], right = new double[d];
                for (int j = 0; j < g; j++)
                    if (has[j] > 0) rate[j] = mixtures.Counts[s * g + j] / size;
                for (int k = 0; k < d; k++) right[k] = Blocks.Dot(rows.AsSpan(k * g, g), rate) + (k < t ? prior[k] * found[s * t + k] : 0);
                Descend(normal, right, own, bounds, SweepTolerance);
            }
            for (int k = 0; k < t; k++) sum += own[k];
            for (int k = 0; k < d; k++) own[k] = sum > 0 ? own[k] / sum : 0;
        });
        return (amounts, [.. Enumerable.Range(0, t).Select(k => Inflation / normal[k * d + k])]);
    }

    /// <summary>Minimum of x'Nx / 2 - b'x over x not below its bounds, by coordinate descent.</summary>
    /// <param name="normal">N, n x n.</param>
    /// <param name="right">b.</param>
    /// <param name="x">Where to begin, and the result.</param>
    /// <param name="bounds">The least value of each.</param>
    /// <param name="tolerance">Steps below this end it.</param>
    private static void Descend(ReadOnlySpan<double> normal, ReadOnlySpan<double> right, Span<double> x, ReadOnlySpan<double> bounds, double tolerance)
    {
        int n = x.Length;
        for (int sweep = 0; sweep < MostSweeps; sweep++)
        {
            double moved = 0;
            for (int k = 0; k < n; k++)
            {
                double value = Math.Max(bounds[k], x[k] + (right[k] - Blocks.Dot(normal.Slice(k * n, n), x)) / normal[k * n + k]);
                moved = Math.Max(moved, Math.Abs(value - x[k]));
                x[k] = value;
            }
            if (moved < tolerance) break;
        }
    }

    /// <summary>Efficiencies by the totals over patients, dispersions, weights and inflation by the residuals.</summary>
    private void Follow(Cohort cohort, double[] amounts, int threads)
    {
        int g = _genes, t = Rows, n = cohort.Count;
        double[] total = new double[t], scale = [.. Scale], dispersion = new double[g], misfit = new double[n];
        for (int i = 0; i < n; i++) Blocks.AddScaled(1, amounts.AsSpan(i * t, t), total);
        Blocks.Ranges(g, threads, (from, to) =>
        {
            int width = to - from;
            double[] rate = new double[width], over = new double[width], square = new double[width];
            for (int j = from; j < to; j++)
            {
                double expected = 0;
                for (int k = 0; k < t; k++) expected += total[k] * RowOf(k)[j];
                if (expected > 0) scale[j] = cohort.Mean[j] * n / expected;
            }
            for (int i = 0; i < n; i++)
            {
                Array.Clear(rate);
                for (int k = 0; k < t; k++) Blocks.AddScaled(amounts[i * t + k], RowOf(k).Slice(from, width), rate);
                for (int j = 0; j < width; j++)
                {
                    double m = scale[from + j] * rate[j], e = cohort.Rate(i, from + j) - m;
                    over[j] += e * e - m / cohort.Size(i);
                    square[j] += m * m;
                }
            }
            for (int j = 0; j < width; j++) dispersion[from + j] = square[j] > 0 ? Math.Clamp(square[j] / Math.Max(over[j], square[j] / MostDispersion), LeastDispersion, MostDispersion) : FirstDispersion;
        });
        Scale = scale;
        Weight = cohort.Weights(dispersion);
        Blocks.For(n, threads, i =>
        {
            var rate = new double[g];
            for (int k = 0; k < t; k++) Blocks.AddScaled(amounts[i * t + k], RowOf(k), rate);
            for (int j = 0; j < g; j++)
            {
                double e = cohort.Rate(i, j) - scale[j] * rate[j];
                misfit[i] += e * e * Weight[j] / g;
            }
        });
        Inflation = Math.Max(1, ScSurvResults.Median(misfit));
    }

    /// <summary>The types' rates, given the amounts: each gene a ridge regression of its counts on the amounts, towards the rates of the cells.</summary>
    private void Refine(Cohort cohort, double[] cells, double[] variance, double[] amounts, int threads)
    {
        int g = _genes, types = _types, n = cohort.Count, t = amounts.Length / n;
        double[] gram = new double[t * t], cross = new double[t * g], rates = new double[t * g];
        for (int i = 0; i < n; i++)
            for (int k = 0; k < t; k++) Blocks.AddScaled(amounts[i * t + k], amounts.AsSpan(i * t, t), gram.AsSpan(k * t, t));
        Blocks.Ranges(g, threads, (from, to) =>
        {
            var rate = new double[to - from];
            for (int i = 0; i < n; i++)
            {
                for (int j = from; j < to; j++) rate[j - from] = cohort.Rate(i, j);
                for (int k = 0; k < t; k++) Blocks.AddScaled(amounts[i * t + k], rate, cross.AsSpan(k * g + from, to - from));
            }
        });
        Blocks.For(g, threads, j =>
        {
            double[] normal = new double[t * t], right = new double[t], change = new double[t], bounds = new double[t];
            double w = Weight[j] / Inflation * Scale[j] * Scale[j];
            for (int k = 0; k < t; k++) bounds[k] = k < types ? -cells[k * g + j] : 0;
            for (int k = 0; k < t; k++)
            {
                for (int l = 0; l < t; l++) normal[k * t + l] = w * gram[k * t + l];
                // What no type explains is free.
                normal[k * t + k] += k < types ? 1 / Math.Max(1e-12, variance[k * g + j]) : 1e-9 * normal[k * t + k] + 1e-12;
                right[k] = w * (cross[k * g + j] / Math.Max(Scale[j], 1e-12) + Blocks.Dot(gram.AsSpan(k * t, t), bounds));
            }
            bounds.AsSpan(types).Fill(double.NegativeInfinity);
            Descend(normal, right, change, bounds, 1e-6 * cohort.Mean[j] + 1e-15);
            for (int k = 0; k < t; k++) rates[k * g + j] = (k < types ? cells[k * g + j] : 0) + change[k];
        });
        (Profiles, Unexplained) = (rates[..(types * g)], rates[(types * g)..]);
    }

    /// <summary>How much there is of each type on average: the genes of one type must not be more efficient than those of another. What patients differ by says little of it, and where the bulk's platform is far
    /// from the cells' it says it wrongly. Log efficiencies are regressed on the shares that the types have in each gene's expected counts; the types' amounts follow as far as
    /// the coefficients are larger than their errors (empirical Bayes): where efficiencies are mere chance nothing changes.</summary>
    /// <param name="observed">Mean rate of each gene in the cohort, G.</param>
    /// <param name="mean">Mean amounts of the types, T.</param>
    /// <param name="profiles">Their rates, T x G.</param>
    /// <returns>Logarithm of what each type's amount is to be multiplied by; empty for no change.</returns>
    internal static double[] Anchor(double[] observed, double[] mean, double[] profiles)
    {
        int g = observed.Length, t = mean.Length;
        double[] log = new double[t], error = new double[t];
        double least = LeastRate * observed.Average();
        int[] genes = [.. Enumerable.Range(0, g).Where(j => observed[j] >= least && Enumerable.Range(0, t).Sum(k => mean[k] * profiles[k * g + j]) > 0)];
        if (genes.Length < 10 * t) return [];
        for (int step = 0; step < AnchorSteps; step++)
        {
            double[] normal = new double[t * t], right = new double[t], share = new double[t];
            double square = 0, sum = 0;
            foreach (int j in genes)
            {
                double expected = 0;
                for (int k = 0; k < t; k++) expected += share[k] = mean[k] * Math.Exp(log[k]) * profiles[k * g + j];
                double value = Math.Log(observed[j] / expected);
                for (int k = 0; k < t; k++) share[k] /= expected;
                for (int k = 0; k < t; k++)
                {
                    right[k] += share[k] * value;
                    Blocks.AddScaled(share[k], share, normal.AsSpan(k * t, t));
                }
                (square, sum) = (square + value * value, sum + value);
            }
            double noise = Math.Max(LeastNoise, (square - sum * sum / genes.Length) / genes.Length);
            // A type of which there is nothing stays where it is.
            for (int k = 0; k < t; k++) normal[k * t + k] += noise;
            var factor = new DenseCholesky(normal, t);
            double[] open = factor.Inverse();
            // Around no change: the prior variance of a log amount is 1.
            for (int k = 0; k < t; k++) right[k] -= noise * log[k];
            factor.Solve(right);
            double moved = 0;
            for (int k = 0; k < t; k++)
            {
                double change = Math.Clamp(right[k], -1, 1);
                log[k] += change;
                moved = Math.Max(moved, Math.Abs(change));
                error[k] = noise * open[k * t + k];
            }
            double middle = Enumerable.Range(0, t).Sum(k => mean[k] * log[k]) / mean.Sum();
            for (int k = 0; k < t; k++) log[k] -= middle;
            if (moved < 1e-4) break;
        }
        for (int k = 0; k < t; k++) error[k] += AnchorError * AnchorError;
        double between = Math.Max(0, Enumerable.Range(0, t).Average(k => log[k] * log[k] - error[k]));
        return between == 0 ? [] : [.. log.Select((l, k) => l * between / (between + error[k]))];
    }

    /// <summary>Counts of the mixtures that are learned from, per unit of size.</summary>
    private sealed class Cohort
    {
        private readonly Mixtures _mixtures;
        private readonly int[] _learn;
        private readonly int _genes;
        private readonly double _size;

        internal Cohort(Mixtures mixtures, int[] learn, int genes)
        {
            (_mixtures, _learn, _genes, Mean) = (mixtures, learn, genes, new double[genes]);
            for (int i = 0; i < learn.Length; i++)
                for (int j = 0; j < genes; j++) Mean[j] += Rate(i, j) / learn.Length;
            _size = ScSurvResults.Median([.. learn.Select(s => (double)mixtures.Size[s])]);
        }

        internal int Count => _learn.Length;

        /// <summary>Mean over the mixtures, G.</summary>
        internal double[] Mean { get; }

        internal double Size(int i) => _mixtures.Size[_learn[i]];

        internal double Rate(int i, int gene) => _mixtures.Counts[_learn[i] * _genes + gene] / (double)_mixtures.Size[_learn[i]];

        /// <summary>Inverse variance of the average patient's counts; rare genes count no more than those with a tenth of the mean.</summary>
        internal double[] Weights(double[] dispersion)
        {
            double least = LeastRate * Mean.Average();
            return [.. Mean.Select((m, j) =>
            {
                double q = Math.Max(m, least);
                return 1 / (q / _size + q * q / dispersion[j] + 1e-12);
            })];
        }
    }
}
