using Cellcast.Analysis;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// Expression programs within types: directions along which the cells of one type differ more than chance allows, after the means of the samples and the depth of the
/// cells are taken out. They are what a latent space that tells types apart leaves out. Per type: principal components of log(1 + count / size), kept while their
/// variance exceeds that of the same cells with every gene shuffled (parallel analysis; Horn 1965).
/// </summary>
/// <remarks>The score of a cell is a linear function of its log expression, less what its sample and depth explain, with unit variance over the cells of the type.</remarks>
public sealed class ExpressionPrograms
{
    // Share of a type's sum of squares below which a direction is rounding: cells that are all alike vary by that.
    private const double Rounding = 1e-24;

    private const int MinimumCells = 30, MostCells = 800, MostPerType = 5;
    private const double MinimumDetected = 0.05, AboveChance = 1.2;

    internal ExpressionPrograms(int genes, int samples, int[] typeOf, double[] loadings, double[] offsets, double[] noise)
    {
        (Genes, Samples, TypeOf, Loadings, Offsets, Noise) = (genes, samples, typeOf, loadings, offsets, noise);
    }

    /// <summary>Genes G.</summary>
    public int Genes { get; }

    /// <summary>Samples of the reference; 0 when none were given.</summary>
    public int Samples { get; }

    /// <summary>Type that each of the K programs belongs to; ascending.</summary>
    public int[] TypeOf { get; }

    /// <summary>Number of programs K.</summary>
    public int Count => TypeOf.Length;

    /// <summary>Weights of log(1 + count / size), K x G.</summary>
    internal double[] Loadings { get; }

    /// <summary>Per program what is subtracted: for each sample, for cells of no known sample, and per unit of log size; K x (samples + 2).</summary>
    internal double[] Offsets { get; }

    /// <summary>Share of the variance of a cell's score that is counting noise: mean eigenvalue over the program's, K.</summary>
    internal double[] Noise { get; }

    /// <summary>Finds the programs of a reference.</summary>
    /// <param name="cells">The reference.</param>
    /// <param name="typeOf">Type of each cell, -1 for none.</param>
    /// <param name="types">Number of types.</param>
    /// <param name="key">Source of chance of the shuffled genes.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static ExpressionPrograms Find(ReferenceCells cells, int[] typeOf, int types, RandomKey key, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(typeOf);
        var members = new List<int>[types];
        for (int t = 0; t < types; t++) members[t] = [];
        for (int c = 0; c < typeOf.Length; c++)
            if (typeOf[c] >= 0 && cells.Size[c] > 0) members[typeOf[c]].Add(c);
        var found = new List<(double[] Loading, double[] Offset, double Noise)>[types];
        Blocks.For(types, threads, t => found[t] = members[t].Count < MinimumCells ? [] : OfType(cells, Spread(members[t]), key.Split(t)));
        return new ExpressionPrograms(cells.Counts.Columns, cells.Samples.Count, [.. Enumerable.Range(0, types).SelectMany(t => Enumerable.Repeat(t, found[t].Count))],
            [.. found.SelectMany(f => f).SelectMany(f => f.Loading)], [.. found.SelectMany(f => f).SelectMany(f => f.Offset)], [.. found.SelectMany(f => f).Select(f => f.Noise)]);
    }

    /// <summary>Scores of cells on the programs of their types.</summary>
    /// <param name="counts">Raw counts, N x G.</param>
    /// <param name="size">Mean count per gene of each cell.</param>
    /// <param name="sampleOf">Sample of each cell, -1 for unknown.</param>
    /// <param name="typeOf">Type of each cell, -1 for none.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    public ProgramScores Score(Matrix counts, float[] size, int[] sampleOf, int[] typeOf, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(size);
        ArgumentNullException.ThrowIfNull(sampleOf);
        ArgumentNullException.ThrowIfNull(typeOf);
        var scores = new ProgramScores(TypeOf, typeOf);
        if (Count == 0) return scores;
        counts.ForEachBlock((first, rows) => Blocks.Ranges(rows.Count, threads, (from, to) =>
        {
            for (int r = from; r < to; r++)
            {
                int c = first + r;
                if (size[c] <= 0) continue;
                ReadOnlySpan<int> index = rows.RowIndices(r);
                ReadOnlySpan<float> value = rows.RowValues(r);
                Span<double> own = scores.Own(c);
                for (int j = 0; j < own.Length; j++)
                {
                    int k = scores.First(c) + j;
                    ReadOnlySpan<double> loading = Loadings.AsSpan(k * Genes, Genes), offset = Offsets.AsSpan(k * (Samples + 2), Samples + 2);
                    double sum = 0;
                    for (int i = 0; i < index.Length; i++) sum += loading[index[i]] * Math.Log(1 + value[i] / size[c]);
                    own[j] = sum - offset[sampleOf[c] >= 0 ? sampleOf[c] : Samples] - offset[Samples + 1] * Math.Log(size[c]);
                }
            }
        }));
        return scores;
    }

    /// <summary>Other directions of the same programs: new program j of type t is the sum over the type's programs k of rotation[k, j] times program k.</summary>
    /// <param name="rotation">For each new program its type and its K weights, zero outside the type.</param>
    internal ExpressionPrograms Rotate(IReadOnlyList<(int Type, double[] Weights)> rotation)
    {
        double[] Turn(double[] rows, int width) => [.. rotation.SelectMany(r =>
        {
            var sum = new double[width];
            for (int k = 0; k < Count; k++)
                if (r.Weights[k] != 0) Blocks.AddScaled(r.Weights[k], rows.AsSpan(k * width, width), sum);
            return sum;
        })];
        return new ExpressionPrograms(Genes, Samples, [.. rotation.Select(r => r.Type)], Turn(Loadings, Genes), Turn(Offsets, Samples + 2),
            [.. rotation.Select(r => r.Weights.Select((w, k) => w * w * Noise[k]).Sum())]);
    }

    private static int[] Spread(List<int> members) => members.Count <= MostCells ? [.. members] : [.. Enumerable.Range(0, MostCells).Select(i => members[(int)((long)i * members.Count / MostCells)])];

    private static List<(double[] Loading, double[] Offset, double Noise)> OfType(ReferenceCells cells, int[] members, RandomKey key)
    {
        int n = members.Length, all = cells.Counts.Columns;
        var detected = new int[all];
        var rows = new RowBlock();
        cells.Counts.ReadRows(members, rows);
        foreach (int g in rows.Indices.Span) detected[g]++;
        int[] genes = [.. Enumerable.Range(0, all).Where(g => detected[g] > MinimumDetected * n)], position = new int[all];
        if (genes.Length < 2) return [];
        Array.Fill(position, -1);
        for (int j = 0; j < genes.Length; j++) position[genes[j]] = j;
        // Genes in rows: what is done to a gene (regression, shuffling) is done to contiguous memory.
        var x = new double[genes.Length * n];
        for (int i = 0; i < n; i++)
        {
            ReadOnlySpan<int> index = rows.RowIndices(i);
            ReadOnlySpan<float> value = rows.RowValues(i);
            for (int e = 0; e < index.Length; e++)
                if (position[index[e]] >= 0) x[position[index[e]] * n + i] = Math.Log(1 + value[e] / cells.Size[members[i]]);
        }
        var (design, columns) = Design(cells, members);
        double[][] basis = Orthonormal(design, columns, n);
        double[] residual = [.. x];
        double least = Rounding * Blocks.Dot(x, x);
        for (int g = 0; g < genes.Length; g++) Remove(basis, residual.AsSpan(g * n, n));

        int wanted = Math.Min(MostPerType, Math.Max(1, n - basis.Length - 1));
        double[] gram = LeadingComponents.Gram(residual, n);
        double trace = 0;
        for (int i = 0; i < n; i++) trace += gram[i * n + i];
        var (values, vectors) = LeadingComponents.Of(gram, n, wanted, key.Split("start"));
        double[] shuffled = [.. residual];
        var random = new RandomStream(key.Split("shuffle"));
        for (int g = 0; g < genes.Length; g++)
        {
            random.Shuffle(shuffled.AsSpan(g * n, n));
            Remove(basis, shuffled.AsSpan(g * n, n));
        }
        double chance = LeadingComponents.Of(LeadingComponents.Gram(shuffled, n), n, 1, key.Split("start")).Values[0];

        var programs = new List<(double[], double[], double)>();
        for (int k = 0; k < wanted && values[k] > AboveChance * chance && values[k] > least; k++)
        {
            // Right singular vector over sqrt(lambda / n): scores of the type's cells have variance 1.
            double[] loading = new double[all], raw = new double[n];
            double scale = Math.Sqrt(n) / values[k];
            for (int g = 0; g < genes.Length; g++)
            {
                double weight = Blocks.Dot(residual.AsSpan(g * n, n), vectors[k]) * scale;
                loading[genes[g]] = weight;
                Blocks.AddScaled(weight, x.AsSpan(g * n, n), raw);
            }
            // Same sign wherever it is computed: the largest loading is positive.
            double sign = loading[Enumerable.Range(0, all).MaxBy(g => Math.Abs(loading[g]))] < 0 ? -1 : 1;
            for (int g = 0; g < all; g++) loading[g] *= sign;
            for (int i = 0; i < n; i++) raw[i] *= sign;
            programs.Add((loading, OffsetOf(cells, members, raw), Math.Min(1, trace / n / values[k])));
        }
        return programs;
    }

    /// <summary>Indicators of the samples (or of all cells) and log size, each column n values.</summary>
    private static (double[] Design, int Columns) Design(ReferenceCells cells, int[] members)
    {
        int n = members.Length, samples = Math.Max(1, cells.Samples.Count);
        var design = new double[(samples + 1) * n];
        for (int i = 0; i < n; i++)
        {
            design[Math.Max(0, cells.SampleOf[members[i]]) * n + i] = 1;
            design[samples * n + i] = Math.Log(cells.Size[members[i]]);
        }
        return (design, samples + 1);
    }

    private static double[][] Orthonormal(double[] design, int columns, int n)
    {
        var basis = new List<double[]>();
        for (int j = 0; j < columns; j++)
        {
            double[] v = design.AsSpan(j * n, n).ToArray();
            double before = Blocks.Dot(v, v);
            if (before == 0) continue;
            for (int pass = 0; pass < 2; pass++) Remove([.. basis], v);
            double after = Blocks.Dot(v, v);
            if (after < 1e-10 * before) continue;
            double inverse = 1 / Math.Sqrt(after);
            for (int i = 0; i < n; i++) v[i] *= inverse;
            basis.Add(v);
        }
        return [.. basis];
    }

    private static void Remove(double[][] basis, Span<double> v)
    {
        foreach (double[] b in basis) Blocks.AddScaled(-Blocks.Dot(b, v), b, v);
    }

    /// <summary>Regression of a program's raw scores on samples and log size: means by sample, their mean over cells for unknown samples, slope.</summary>
    private static double[] OffsetOf(ReferenceCells cells, int[] members, double[] raw)
    {
        int n = members.Length, samples = cells.Samples.Count, groups = Math.Max(1, samples);
        double[] count = new double[groups], meanSize = new double[groups], meanRaw = new double[groups];
        for (int i = 0; i < n; i++)
        {
            int s = Math.Max(0, cells.SampleOf[members[i]]);
            count[s]++;
            meanSize[s] += Math.Log(cells.Size[members[i]]);
            meanRaw[s] += raw[i];
        }
        for (int s = 0; s < groups; s++)
            if (count[s] > 0) (meanSize[s], meanRaw[s]) = (meanSize[s] / count[s], meanRaw[s] / count[s]);
        double xy = 0, xx = 0;
        for (int i = 0; i < n; i++)
        {
            int s = Math.Max(0, cells.SampleOf[members[i]]);
            double d = Math.Log(cells.Size[members[i]]) - meanSize[s];
            xy += d * (raw[i] - meanRaw[s]);
            xx += d * d;
        }
        double slope = xx > 1e-12 ? xy / xx : 0, overall = 0;
        for (int s = 0; s < groups; s++) overall += count[s] / n * (meanRaw[s] - slope * meanSize[s]);
        var offset = new double[samples + 2];
        for (int s = 0; s < samples; s++) offset[s] = count[s] > 0 ? meanRaw[s] - slope * meanSize[s] : overall;
        offset[samples] = overall;
        offset[samples + 1] = slope;
        return offset;
    }
}
