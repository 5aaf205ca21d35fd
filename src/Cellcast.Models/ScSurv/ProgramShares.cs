using Cellcast.Analysis;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Scale, offset and dispersion of each gene in a cohort, positive.</summary>
/// <param name="Scale">a, platform efficiency.</param>
/// <param name="Offset">b, expression that no cell explains.</param>
/// <param name="Dispersion">theta, total count of the negative binomial.</param>
internal sealed record GeneResponse(double[] Scale, double[] Offset, double[] Dispersion)
{
    internal static GeneResponse Of(GeneParameters genes)
    {
        static double[] Positive(ReadOnlySpan<float> raw)
        {
            var v = new double[raw.Length];
            for (int g = 0; g < v.Length; g++) v[g] = raw[g] > 30 ? raw[g] : Math.Log(1 + Math.Exp(raw[g]));
            return v;
        }
        return new GeneResponse(Positive(genes.Scale.Span), Positive(genes.Offset.Span), Positive(genes.Dispersion.Span));
    }
}

/// <summary>
/// How far each patient's cells of a type lie along its expression programs, read from the bulk counts, and shares that say so. Per unit of size a patient's expected count is
/// a (sum_t (S_t mu_t + d_t mu_t + sum_k S_t m_k L_k)) + b with S_t the share of type t, mu_t its mean rate, L_k the effect of a score of 1 on the rates, d_t a small correction of the
/// share, and m_k the mean score, normal with a covariance per type that is learned from the cohort (EM). Within a type, shares are then tilted exponentially along the
/// scores until their mean is m: the least change that says so (minimum relative entropy; Csiszar 1975).
/// </summary>
internal sealed class ProgramShares
{
    private const int Rounds = 15, TiltRounds = 40, BlockRows = 1024;
    private const double ShareCorrection = 0.02, LeastShare = 0.01, LeastBackground = 0.02, FirstVariance = 0.3, LeastDeviation = 0.22, Outermost = 0.03, Curvature = 0.02, TiltTolerance = 1e-5;

    internal ProgramShares(int[] typeOf, double[] profiles, double[] effects, double[] background, GeneResponse response, double inflation, double[] covariance)
    {
        (TypeOf, Profiles, Effects, Background, Response, Inflation, Covariance) = (typeOf, profiles, effects, background, response, inflation, covariance);
    }

    /// <summary>Type of each of the K programs.</summary>
    internal int[] TypeOf { get; }

    /// <summary>Mean rate of each type, T x G.</summary>
    internal double[] Profiles { get; }

    /// <summary>Change of the rates per unit of score, K x G.</summary>
    internal double[] Effects { get; }

    /// <summary>Rates that patients differ in and that no cell of the reference explains, per unit of a score that has variance 1 over patients; Q x G.</summary>
    internal double[] Background { get; }

    /// <summary>The genes' response in the cohort, its total over patients being as observed.</summary>
    internal GeneResponse Response { get; }

    /// <summary>Observed over expected variance, at least 1.</summary>
    internal double Inflation { get; }

    /// <summary>Covariance of the patients' mean scores, K x K, zero between types.</summary>
    internal double[] Covariance { get; }

    private int Programs => TypeOf.Length;

    private int Genes => Response.Scale.Length;

    private int Types => Profiles.Length / Math.Max(1, Genes);

    /// <summary>Directions that no cell explains, Q.</summary>
    internal int Backgrounds => Background.Length / Math.Max(1, Genes);

    /// <summary>Unknowns of a mixture beside its mean scores: errors of the shares, then background scores.</summary>
    private int Nuisances => Types + Backgrounds;

    /// <summary>Learns what mixtures say of given programs.</summary>
    /// <param name="programs">The programs.</param>
    /// <param name="cells">The reference.</param>
    /// <param name="typeOf">Type of each cell.</param>
    /// <param name="types">Number of types.</param>
    /// <param name="scores">Scores of the cells.</param>
    /// <param name="profiles">Mean rate of each type in the mixtures, T x G (<see cref="TypeShareCorrection.Profiles"/>): what the cells' own rates are wrong by would pass for programs.</param>
    /// <param name="genes">The genes' response.</param>
    /// <param name="mixtures">Counts of the mixtures.</param>
    /// <param name="typeShares">Shares of the types, S x T.</param>
    /// <param name="learn">Mixtures that are learned from.</param>
    /// <param name="key">Source of chance of the search for what no cell explains; null for no search.</param>
    /// <param name="threads">Threads; the result does not depend on them.</param>
    internal static ProgramShares Learn(ExpressionPrograms programs, ReferenceCells cells, int[] typeOf, int types, ProgramScores scores, double[] profiles, GeneResponse genes, Mixtures mixtures, double[] typeShares, int[] learn, RandomKey? key, int threads)
    {
        double[] effects = EffectsOf(programs, cells, scores, ProfilesOf(cells, typeOf, types));
        int g = cells.Counts.Columns, k = programs.Count;
        double[] observed = new double[g], expected = new double[g];
        foreach (int s in learn)
        {
            double[] mean = Mean(genes, profiles, typeShares, s, types, g);
            for (int j = 0; j < g; j++)
            {
                observed[j] += mixtures.Counts[s * g + j] / (double)mixtures.Size[s];
                expected[j] += mean[j];
            }
        }
        double[] ratio = [.. observed.Select((o, j) => expected[j] > 0 ? o / expected[j] : 1)];
        var response = new GeneResponse([.. genes.Scale.Select((a, j) => a * ratio[j])], [.. genes.Offset.Select((b, j) => b * ratio[j])], genes.Dispersion);
        var model = new ProgramShares(programs.TypeOf, profiles, effects, [], response, 1, new double[k * k]);
        double[] misfit = new double[learn.Length];
        Blocks.For(learn.Length, threads, i => misfit[i] = model.Misfit(mixtures, typeShares, learn[i], null));
        model = new ProgramShares(programs.TypeOf, profiles, effects, [], response, Math.Max(1, ScSurvResults.Median(misfit)), new double[k * k]);
        if (key is { } chance) model = model.WithBackground(mixtures, typeShares, learn, chance, threads);
        if (k == 0) return model;

        var statistics = new (double[] Precision, double[] Pull)[learn.Length];
        Blocks.For(learn.Length, threads, i => statistics[i] = model.Statistics(mixtures, typeShares, learn[i], null));
        var covariance = new double[k * k];
        for (int j = 0; j < k; j++) covariance[j * k + j] = FirstVariance;
        for (int round = 0; round < Rounds; round++)
        {
            double[] sum = new double[k * k], precision = PrecisionOf(covariance, programs.TypeOf);
            var count = new int[k];
            var parts = new (double[] Mean, double[] Covariance)[learn.Length];
            Blocks.For(learn.Length, threads, i => parts[i] = Posterior(statistics[i], precision, k));
            for (int i = 0; i < learn.Length; i++)
                for (int a = 0; a < k; a++)
                {
                    if (typeShares[learn[i] * types + programs.TypeOf[a]] < LeastShare) continue;
                    count[a]++;
                    for (int b = 0; b < k; b++)
                        if (programs.TypeOf[a] == programs.TypeOf[b]) sum[a * k + b] += parts[i].Mean[a] * parts[i].Mean[b] + parts[i].Covariance[a * k + b];
                }
            for (int a = 0; a < k; a++)
                for (int b = 0; b < k; b++) covariance[a * k + b] = sum[a * k + b] / Math.Max(1, count[a]);
        }
        return new ProgramShares(programs.TypeOf, profiles, effects, model.Background, response, model.Inflation, covariance);
    }

    /// <summary>Directions along which patients differ: principal axes of the covariance of each type, those with a standard deviation that matters.</summary>
    /// <returns>For each direction its type, its weights on the K programs, and the standard deviation of patients along it.</returns>
    internal IReadOnlyList<(int Type, double[] Weights, double Deviation)> Axes()
    {
        int k = Programs;
        var axes = new List<(int, double[], double)>();
        foreach (int type in TypeOf.Distinct())
        {
            int[] own = [.. Enumerable.Range(0, k).Where(j => TypeOf[j] == type)];
            double[] rest = [.. own.SelectMany(a => own.Select(b => Covariance[a * k + b]))];
            for (int found = 0; found < own.Length; found++)
            {
                // Power iteration with deflation: the matrices are at most 5 x 5.
                double[] v = [.. own.Select((_, i) => 1 + 0.1 * i)];
                double value = 0;
                for (int round = 0; round < 500; round++)
                {
                    double[] next = [.. own.Select((_, i) => Enumerable.Range(0, own.Length).Sum(j => rest[i * own.Length + j] * v[j]))];
                    value = Math.Sqrt(next.Sum(x => x * x));
                    if (!(value > 0)) break;
                    v = [.. next.Select(x => x / value)];
                }
                if (!(value > LeastDeviation * LeastDeviation)) break;
                double sign = v.MaxBy(Math.Abs) < 0 ? -1 : 1;
                var weights = new double[k];
                for (int i = 0; i < own.Length; i++) weights[own[i]] = sign * v[i];
                axes.Add((type, weights, Math.Sqrt(value)));
                for (int i = 0; i < own.Length; i++)
                    for (int j = 0; j < own.Length; j++) rest[i * own.Length + j] -= value * v[i] * v[j];
            }
        }
        return axes;
    }

    /// <summary>Posterior mean of the mean scores of mixtures, S x K.</summary>
    /// <param name="mixtures">Counts.</param>
    /// <param name="typeShares">Shares of the types, S x T.</param>
    /// <param name="present">Genes that the counts have, or null for all.</param>
    /// <param name="threads">Threads.</param>
    internal double[] Means(Mixtures mixtures, double[] typeShares, int[]? present, int threads)
    {
        int k = Programs;
        var means = new double[mixtures.Count * k];
        if (k == 0) return means;
        double[] precision = PrecisionOf(Covariance, TypeOf);
        Blocks.For(mixtures.Count, threads, s => Posterior(Statistics(mixtures, typeShares, s, present), precision, k).Mean.CopyTo(means, s * k));
        return means;
    }

    /// <summary>Mean over genes of the squared residual over its expected variance: about <see cref="Inflation"/> for a patient like those learned from.</summary>
    internal double Misfit(Mixtures mixtures, double[] typeShares, int s, int[]? present)
    {
        int g = Genes;
        double[] mean = Mean(Response, Profiles, typeShares, s, Types, g);
        double sum = 0;
        int count = 0;
        foreach (int j in present ?? [.. Enumerable.Range(0, g)])
        {
            double e = mixtures.Counts[s * g + j] / (double)mixtures.Size[s] - mean[j];
            sum += e * e * Weight(mean[j], mixtures.Size[s], Response.Dispersion[j]);
            count++;
        }
        return count == 0 ? double.NaN : sum / count;
    }

    /// <summary>Tilts shares within types until the mean scores are as given: Newton on the convex dual, log sum_c p_c exp(u_c a) - a target, for all mixtures in step, so that
    /// shares that lie in a file are read once per step.</summary>
    /// <param name="shares">N x S, changed in place; the share of each type stays.</param>
    /// <param name="typeOfCell">Type of each cell.</param>
    /// <param name="scores">Scores of the cells.</param>
    /// <param name="means">Mean scores, S x K; kept inside the range that the cells of the type cover.</param>
    /// <param name="threads">Threads; mixtures do not depend on one another.</param>
    internal void Tilt(RowStore shares, int[] typeOfCell, ProgramScores scores, double[] means, int threads)
    {
        int k = Programs, n = typeOfCell.Length, width = shares.Columns;
        if (k == 0 || width == 0) return;
        (int First, int Count)[] own = [.. Enumerable.Range(0, Types).Select(t => (Array.IndexOf(TypeOf, t), TypeOf.Count(o => o == t)))];
        double[] target = Inside(means, scores), tilt = new double[width * k];
        var converged = new bool[width];
        double[] total = new double[width * k], mean = new double[width * k];
        for (int round = 0; ; round++)
        {
            Moments moments = Sum(shares, typeOfCell, scores, tilt, own, converged, threads);
            if (round == 0) total = moments.Total;
            bool done = true;
            for (int s = 0; s < width; s++)
            {
                if (converged[s]) continue;
                double off = Step(moments, s, own, target.AsSpan(s * k, k), tilt.AsSpan(s * k, k), last: round == TiltRounds);
                converged[s] = off < TiltTolerance || round == TiltRounds;
                if (converged[s]) moments.Total.AsSpan(s * k, k).CopyTo(mean.AsSpan(s * k, k));
                else done = false;
            }
            if (done) break;
        }

        // Now mean holds the sums of p exp(u a) that the tilted shares are divided by.
        var buffer = new float[Math.Min(BlockRows, n) * width];
        for (int first = 0; first < n; first += BlockRows)
        {
            int count = Math.Min(BlockRows, n - first);
            shares.Read(first, buffer.AsSpan(0, count * width));
            Blocks.Ranges(width, threads, (from, to) =>
            {
                for (int c = 0; c < count; c++)
                {
                    int type = typeOfCell[first + c];
                    if (type < 0 || own[type].Count == 0) continue;
                    ReadOnlySpan<double> u = scores.Own(first + c);
                    for (int s = from; s < to; s++)
                    {
                        int at = s * k + own[type].First;
                        if (mean[at] > 0) buffer[c * width + s] = (float)(buffer[c * width + s] * Factor(u, tilt.AsSpan(at, u.Length)) * (total[at] / mean[at]));
                    }
                }
            });
            shares.Write(first, buffer.AsSpan(0, count * width));
        }
    }

    /// <summary>Sums over the cells of each program's type of p exp(u a), of that times u, and of that times u u'; the total of a type stands at each of its programs.</summary>
    private sealed record Moments(double[] Total, double[] First, double[] Second);

    private Moments Sum(RowStore shares, int[] typeOfCell, ProgramScores scores, double[] tilt, (int First, int Count)[] own, bool[] skip, int threads)
    {
        int k = Programs, width = shares.Columns;
        var m = new Moments(new double[width * k], new double[width * k], new double[width * k * k]);
        shares.ForEachBlock((first, count, block) => Blocks.Ranges(width, threads, (from, to) =>
        {
            ReadOnlySpan<float> p = block.Span;
            for (int c = 0; c < count; c++)
            {
                int type = typeOfCell[first + c];
                if (type < 0 || own[type].Count == 0) continue;
                var (start, q) = own[type];
                ReadOnlySpan<double> u = scores.Own(first + c);
                for (int s = from; s < to; s++)
                {
                    if (skip[s]) continue;
                    int at = s * k + start;
                    double w = p[c * width + s] * Factor(u, tilt.AsSpan(at, q));
                    for (int j = 0; j < q; j++)
                    {
                        m.Total[at + j] += w;
                        m.First[at + j] += w * u[j];
                        for (int l = 0; l <= j; l++) m.Second[(at + j) * k + start + l] += w * u[j] * u[l];
                    }
                }
            }
        }), BlockRows);
        return m;
    }

    // One bounded Newton step of one mixture; returns how far its means are from their targets.
    private double Step(Moments m, int s, (int First, int Count)[] own, ReadOnlySpan<double> target, Span<double> tilt, bool last)
    {
        int k = Programs;
        double off = 0;
        foreach (var (start, q) in own)
        {
            if (q == 0 || !(m.Total[s * k + start] > 1e-12)) continue;
            double total = m.Total[s * k + start], here = 0, longest = 0;
            double[] step = new double[q], curvature = new double[q * q];
            for (int j = 0; j < q; j++)
            {
                double mean = m.First[s * k + start + j] / total;
                here = Math.Max(here, Math.Abs(step[j] = target[start + j] - mean));
                for (int l = 0; l <= j; l++)
                    curvature[j * q + l] = m.Second[(s * k + start + j) * k + start + l] / total - mean * m.First[s * k + start + l] / total + (l == j ? Curvature : 0);
            }
            off = Math.Max(off, here);
            if (last || here < TiltTolerance) continue;
            new DenseCholesky(curvature, q).Solve(step);
            foreach (double d in step) longest = Math.Max(longest, Math.Abs(d));
            for (int j = 0; j < q; j++) tilt[start + j] += step[j] * Math.Min(1, 2 / longest);
        }
        return off;
    }

    private static double Factor(ReadOnlySpan<double> u, ReadOnlySpan<double> a)
    {
        double sum = 0;
        for (int j = 0; j < u.Length; j++) sum += u[j] * a[j];
        return Math.Exp(Math.Clamp(sum, -200, 200));
    }

    /// <summary>Mean scores kept inside what all but the outermost cells of the type have.</summary>
    private double[] Inside(double[] means, ProgramScores scores)
    {
        int k = Programs;
        double[] inside = [.. means];
        for (int j = 0; j < k; j++)
        {
            double[] sorted = [.. Enumerable.Range(0, scores.Cells).Where(c => scores.TypeOf[c] == TypeOf[j]).Select(c => scores[c, j]).Order()];
            if (sorted.Length == 0) continue;
            double low = sorted[(int)(Outermost * (sorted.Length - 1))], high = sorted[(int)Math.Ceiling((1 - Outermost) * (sorted.Length - 1))];
            for (int s = 0; s < means.Length / k; s++) inside[s * k + j] = Math.Clamp(means[s * k + j], low, high);
        }
        return inside;
    }

    /// <summary>Covariance of what a mixture's counts leave open: the errors of the shares of its types, then its mean scores; (T + K) x (T + K).</summary>
    internal double[] Uncertainty(Mixtures mixtures, double[] typeShares, int s, int[]? present)
    {
        int t = Nuisances, d = t + Programs;
        double[] precision = Normal(mixtures, typeShares, s, present).Matrix, prior = Programs == 0 ? [] : PrecisionOf(Covariance, TypeOf);
        for (int i = 0; i < d; i++)
            for (int l = 0; l <= i; l++)
            {
                double value = precision[i * d + l] * Weight(i) * Weight(l);
                precision[i * d + l] = value + (i >= t && l >= t ? prior[(i - t) * Programs + l - t] : i == l ? PriorPrecision(i) : 0);
            }
        return new DenseCholesky(precision, d).Inverse();

        double Weight(int i) => i < t ? 1 : typeShares[s * Types + TypeOf[i - t]];
    }

    /// <summary>What a mixture says of its mean scores, the corrections of the shares being integrated out: precision K x K and precision times estimate.</summary>
    private (double[] Precision, double[] Pull) Statistics(Mixtures mixtures, double[] typeShares, int s, int[]? present)
    {
        int k = Programs, t = Nuisances, d = t + k;
        var (normal, right) = Normal(mixtures, typeShares, s, present);
        var corner = new double[t * t];
        for (int i = 0; i < t; i++)
            for (int l = 0; l <= i; l++) corner[i * t + l] = normal[i * d + l] + (i == l ? PriorPrecision(i) : 0);
        var factor = new DenseCholesky(corner, t);
        double[][] cross = [.. Enumerable.Range(0, k).Select(j => normal.AsSpan((t + j) * d, t).ToArray())];
        double[] first = right[..t];
        factor.Forward(first);
        foreach (double[] row in cross) factor.Forward(row);
        double[] precision = new double[k * k], pull = new double[k];
        for (int i = 0; i < k; i++)
        {
            double share = typeShares[s * Types + TypeOf[i]];
            pull[i] = share * (right[t + i] - Blocks.Dot(cross[i], first));
            for (int l = 0; l <= i; l++) precision[i * k + l] = precision[l * k + i] = share * typeShares[s * Types + TypeOf[l]] * (normal[(t + i) * d + t + l] - Blocks.Dot(cross[i], cross[l]));
        }
        return (precision, pull);
    }

    private double PriorPrecision(int nuisance) => nuisance < Types ? 1 / (ShareCorrection * ShareCorrection) : 1;

    /// <summary>Normal equations of a mixture's counts on the profiles of the types and the effects of the programs: X'WX (lower half) and X'Wr.</summary>
    private (double[] Matrix, double[] Right) Normal(Mixtures mixtures, double[] typeShares, int s, int[]? present)
    {
        int g = Genes, t = Nuisances, d = t + Programs;
        double[] mean = Mean(Response, Profiles, typeShares, s, Types, g), weight = new double[g], residual = new double[g];
        bool[]? has = present is null ? null : new bool[g];
        foreach (int j in present ?? []) has![j] = true;
        for (int j = 0; j < g; j++)
        {
            if (has is not null && !has[j]) continue;
            // a^2 enters the design twice, so it goes into the weight.
            double w = Weight(mean[j], mixtures.Size[s], Response.Dispersion[j]) / Inflation;
            weight[j] = w * Response.Scale[j] * Response.Scale[j];
            residual[j] = w * Response.Scale[j] * (mixtures.Counts[s * g + j] / (double)mixtures.Size[s] - mean[j]);
        }
        double[] normal = new double[d * d], right = new double[d], weighted = new double[g];
        for (int i = 0; i < d; i++)
        {
            ReadOnlySpan<double> row = RowOf(i);
            for (int j = 0; j < g; j++) weighted[j] = weight[j] * row[j];
            for (int l = 0; l <= i; l++) normal[i * d + l] = Blocks.Dot(weighted, RowOf(l));
            right[i] = Blocks.Dot(row, residual);
        }
        return (normal, right);
    }

    /// <summary>What an unknown of a mixture changes the rates by: a type's profile, a background direction, or a program's effect.</summary>
    private ReadOnlySpan<double> RowOf(int i) => i < Types ? Profiles.AsSpan(i * Genes, Genes) : i < Nuisances ? Background.AsSpan((i - Types) * Genes, Genes) : Effects.AsSpan((i - Nuisances) * Genes, Genes);

    /// <summary>Scores of background directions (posterior means), S x Q.</summary>
    internal double[] BackgroundScores(Mixtures mixtures, double[] typeShares, int[]? present, int threads)
    {
        int q = Backgrounds, t = Nuisances, d = t + Programs;
        var scores = new double[mixtures.Count * q];
        if (q == 0) return scores;
        Blocks.For(mixtures.Count, threads, s =>
        {
            double[] right = Normal(mixtures, typeShares, s, present).Right, covariance = Uncertainty(mixtures, typeShares, s, present);
            for (int i = t; i < d; i++) right[i] *= typeShares[s * Types + TypeOf[i - t]];
            for (int j = 0; j < q; j++) scores[s * q + j] = Blocks.Dot(covariance.AsSpan((Types + j) * d, d), right);
        });
        return scores;
    }

    /// <summary>Standard deviation over patients of each background direction as a share of cells, of such cells as differ from those of the reference by as much as two of its types do (<see cref="BetweenTypes"/>).</summary>
    internal double[] BackgroundDeviation()
    {
        int g = Genes;
        double unit = BetweenTypes();
        return [.. Enumerable.Range(0, Backgrounds).Select(k => Enumerable.Range(0, g).Sum(j => Response.Scale[j] * Math.Abs(Background[k * g + j])) / unit)];
    }

    /// <summary>How far two types are apart: sum of absolute differences of the rates, median over pairs of types.</summary>
    private double BetweenTypes()
    {
        int g = Genes, t = Types;
        var between = new List<double>();
        for (int a = 0; a < t; a++)
            for (int b = 0; b < a; b++)
            {
                double sum = 0;
                for (int j = 0; j < g; j++) sum += Response.Scale[j] * Math.Abs(Profiles[a * g + j] - Profiles[b * g + j]);
                between.Add(sum);
            }
        return between.Count == 0 ? g : Math.Max(1e-12, ScSurvResults.Median([.. between]));
    }

    /// <summary>What the background is and how much there is of it.</summary>
    /// <param name="features">Features of patients, the last of which are background scores times <see cref="BackgroundDeviation"/>; S x F.</param>
    /// <param name="width">Number of features F.</param>
    internal UnexplainedExpression Unexplained(double[] features, int width)
    {
        const int named = 20;
        int g = Genes, q = Backgrounds, n = features.Length / width;
        if (q == 0 || n == 0) return new UnexplainedExpression(0, 0, []);
        double between = BetweenTypes();
        double[] deviation = BackgroundDeviation(), typical = new double[g], share = new double[n], change = new double[g];
        for (int t = 0; t < Types; t++) Blocks.AddScaled(1.0 / Types, Profiles.AsSpan(t * g, g), typical);
        for (int j = 0; j < g; j++) typical[j] = typical[j] * Response.Scale[j] + Response.Offset[j];
        double all = typical.Sum();
        for (int s = 0; s < n; s++)
        {
            Array.Clear(change);
            for (int k = 0; k < q; k++) Blocks.AddScaled(features[s * width + width - q + k] / Math.Max(1e-12, deviation[k]), Background.AsSpan(k * g, g), change);
            for (int j = 0; j < g; j++) share[s] += Math.Abs(Response.Scale[j] * change[j]) / between;
        }
        return new UnexplainedExpression(share.Average(), share.Max(), [.. Enumerable.Range(0, q).Select(k => new UnexplainedDirection(deviation[k],
            [.. Enumerable.Range(0, g).OrderByDescending(j => Response.Scale[j] * Background[k * g + j] / (typical[j] + all / g)).Take(named)])).OrderByDescending(d => d.Deviation)]);
    }

    /// <summary>What is left of the counts of mixtures, for <see cref="UnexplainedDirections"/>.</summary>
    private MixtureResiduals Residuals(Mixtures mixtures, double[] typeShares, int[] which, int threads)
    {
        int g = Genes, n = which.Length, d = Nuisances + Programs;
        var left = new MixtureResiduals(new double[g * n], new double[g * n], new double[g * n], new double[g * n]);
        Blocks.For(n, threads, i =>
        {
            int s = which[i];
            var (normal, amounts) = Normal(mixtures, typeShares, s, null);
            double largest = Enumerable.Range(0, d).Max(j => normal[j * d + j]);
            for (int j = 0; j < d; j++) normal[j * d + j] += 1e-9 * largest + 1e-12;
            new DenseCholesky(normal, d).Solve(amounts);
            double[] mean = Mean(Response, Profiles, typeShares, s, Types, g), types = new double[g], programs = new double[g];
            for (int j = 0; j < d; j++) Blocks.AddScaled(amounts[j], RowOf(j), j < Nuisances ? types : programs);
            for (int j = 0; j < g; j++)
            {
                double w = Weight(mean[j], mixtures.Size[s], Response.Dispersion[j]) / Inflation, r = mixtures.Counts[s * g + j] / (double)mixtures.Size[s] - mean[j], root = Math.Sqrt(w);
                (left.Residual[j * n + i], left.Weight[j * n + i]) = (r, w);
                left.Programs[j * n + i] = root * Response.Scale[j] * programs[j];
                left.Standard[j * n + i] = root * (r - Response.Scale[j] * (types[j] + programs[j]));
            }
        });
        return left;
    }

    private ProgramShares WithBackground(Mixtures mixtures, double[] typeShares, int[] learn, RandomKey key, int threads)
    {
        int g = Genes, most = UnexplainedDirections.MostPatients;
        int[] some = learn.Length <= most ? learn : [.. Enumerable.Range(0, most).Select(i => learn[(int)((long)i * learn.Length / most)])];
        double[] change = UnexplainedDirections.Find(Residuals(mixtures, typeShares, some, threads), some.Length, [.. some.SelectMany(s => typeShares[(s * Types)..((s + 1) * Types)])], key);
        for (int i = 0; i < change.Length; i++) change[i] /= Math.Max(1e-12, Response.Scale[i % g]);
        ProgramShares all = With(change);
        // Where counts are many, traces stand out from chance that are too small to matter.
        double[] deviation = all.BackgroundDeviation();
        int[] kept = [.. Enumerable.Range(0, deviation.Length).Where(k => deviation[k] >= LeastBackground)];
        return kept.Length == deviation.Length ? all : With([.. kept.SelectMany(k => change[(k * g)..((k + 1) * g)])]);

        ProgramShares With(double[] background) => new(TypeOf, Profiles, Effects, background, Response, Inflation, Covariance);
    }

    private static (double[] Mean, double[] Covariance) Posterior((double[] Precision, double[] Pull) statistics, double[] prior, int k)
    {
        double[] mean = [.. statistics.Pull], precision = [.. statistics.Precision.Select((p, i) => p + prior[i])];
        var factor = new DenseCholesky(precision, k);
        factor.Solve(mean);
        return (mean, factor.Inverse());
    }

    /// <summary>Inverse of a covariance that is zero between types.</summary>
    private static double[] PrecisionOf(double[] covariance, int[] typeOf)
    {
        int k = typeOf.Length;
        var regular = new double[k * k];
        for (int a = 0; a < k; a++)
            for (int b = 0; b < k; b++) regular[a * k + b] = typeOf[a] == typeOf[b] ? covariance[a * k + b] + (a == b ? 1e-6 : 0) : 0;
        return new DenseCholesky(regular, k).Inverse();
    }

    private static double Weight(double mean, double size, double dispersion) => 1 / (mean / size + mean * mean / Math.Max(dispersion, 1e-3) + 1e-12);

    private static double[] Mean(GeneResponse response, double[] profiles, double[] typeShares, int s, int types, int g)
    {
        var mean = new double[g];
        for (int t = 0; t < types; t++) Blocks.AddScaled(typeShares[s * types + t], profiles.AsSpan(t * g, g), mean);
        for (int j = 0; j < g; j++) mean[j] = mean[j] * response.Scale[j] + response.Offset[j];
        return mean;
    }

    /// <summary>Mean rate of each type, T x G.</summary>
    internal static double[] ProfilesOf(ReferenceCells cells, int[] typeOf, int types)
    {
        int g = cells.Counts.Columns;
        double[] profiles = new double[types * g], size = new double[types];
        cells.Counts.ForEachBlock((first, rows) =>
        {
            for (int r = 0; r < rows.Count; r++)
            {
                int type = typeOf[first + r];
                if (type < 0) continue;
                size[type] += cells.Size[first + r];
                Add(1, rows, r, profiles.AsSpan(type * g, g));
            }
        });
        for (int t = 0; t < types; t++)
            for (int j = 0; j < g; j++) profiles[t * g + j] /= Math.Max(size[t], 1e-12);
        return profiles;
    }

    /// <summary>Regression of the counts of a type's cells, less what their size explains, on their scores.</summary>
    private static double[] EffectsOf(ExpressionPrograms programs, ReferenceCells cells, ProgramScores scores, double[] profiles)
    {
        int g = cells.Counts.Columns, k = programs.Count;
        double[] effects = new double[k * g], square = new double[k], sum = new double[k];
        cells.Counts.ForEachBlock((first, rows) =>
        {
            for (int r = 0; r < rows.Count; r++)
            {
                int c = first + r;
                ReadOnlySpan<double> own = scores.Own(c);
                for (int j = 0; j < own.Length; j++)
                {
                    int p = scores.First(c) + j;
                    double u = own[j];
                    square[p] += cells.Size[c] * u * u;
                    sum[p] += cells.Size[c] * u;
                    Add(u, rows, r, effects.AsSpan(p * g, g));
                }
            }
        });
        for (int p = 0; p < k; p++)
        {
            Span<double> effect = effects.AsSpan(p * g, g);
            Blocks.AddScaled(-sum[p], profiles.AsSpan(programs.TypeOf[p] * g, g), effect);
            for (int j = 0; j < g; j++) effect[j] /= Math.Max(square[p], 1e-12);
        }
        return effects;
    }

    private static void Add(double factor, RowBlock rows, int row, Span<double> to)
    {
        ReadOnlySpan<int> index = rows.RowIndices(row);
        ReadOnlySpan<float> value = rows.RowValues(row);
        for (int e = 0; e < index.Length; e++) to[index[e]] += factor * value[e];
    }
}
