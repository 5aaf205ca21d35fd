using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Neighbors;
using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.QualityControl;

/// <summary>Settings of <see cref="DoubletScores"/>.</summary>
public sealed record DoubletOptions
{
    /// <summary>Share of doublets to expect; about 0.8 % per 1,000 cells loaded on a droplet instrument.</summary>
    public double ExpectedRate { get; init; } = 0.06;

    /// <summary>Simulated doublets per cell.</summary>
    public double SimulatedPerCell { get; init; } = 2;

    /// <summary>Variable genes.</summary>
    public int VariableGenes { get; init; } = 2000;

    /// <summary>Principal components.</summary>
    public int Components { get; init; } = 30;

    /// <summary>Seed of the simulated doublets.</summary>
    public long Seed { get; init; }

    /// <summary>Threads, 0 for all cores; the result does not depend on it.</summary>
    public int Threads { get; init; }
}

/// <summary>
/// Which cells look like two cells in one droplet (after Wolock, Lopez and Klein 2019, Scrublet): doublets are simulated by adding the counts of random pairs, and a cell is scored by the share of simulated
/// doublets among its neighbours in the space of principal components, as the probability of being one. Doublets of two cells of one type look like single cells and are not found.
/// </summary>
/// <param name="Scores">Score of each cell, from 0 to 1.</param>
/// <param name="Simulated">Scores of the simulated doublets.</param>
/// <param name="Threshold">Score above which a cell is called a doublet: the valley between the two modes of the simulated scores; NaN where these have no two modes.</param>
public sealed record DoubletScores(double[] Scores, double[] Simulated, double Threshold)
{
    /// <summary>Whether each cell is called a doublet; nobody where there is no threshold.</summary>
    public bool[] Predicted => [.. Scores.Select(s => s > Threshold)];

    /// <summary>Share of the simulated doublets that are above the threshold: of these kinds of doublets so many are found.</summary>
    public double DetectableShare => double.IsNaN(Threshold) ? double.NaN : Simulated.Count(s => s > Threshold) / (double)Simulated.Length;

    /// <summary>Scores the cells of one sample: doublets are made of cells of one run of an instrument, so samples are scored one by one.</summary>
    /// <param name="counts">Cells x genes, raw counts.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="cancellation">Stops the work between steps.</param>
    /// <exception cref="InputException">There are fewer than 20 cells, or a setting is out of range.</exception>
    public static DoubletScores Of(SparseMatrix counts, DoubletOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(counts);
        options ??= new DoubletOptions();
        if (!(options.ExpectedRate > 0 && options.ExpectedRate < 0.5)) throw new InputException($"the expected share of doublets is {options.ExpectedRate}; give a number above 0 and below 0.5.");
        int n = counts.Rows;
        if (n < 20) throw new InputException($"{n} cells are too few to simulate doublets from; at least 20 of a sample are needed.");
        int simulated = (int)Math.Round(n * options.SimulatedPerCell);
        double total = Normalization.MedianTotal(counts.RowSums());
        // Totals of doublets are scaled to that of cells: what is to be told apart is the mixture, not the depth.
        SparseMatrix expression = Normalization.LogNormalize(counts, total);
        int[] genes = VariableGenes.Of(expression, threads: options.Threads).Top(options.VariableGenes);
        if (genes.Length < 2) throw new InputException($"{genes.Length} genes vary between the cells; there is nothing to find doublets by.");
        cancellation.ThrowIfCancellationRequested();
        SparseMatrix used = expression.SelectColumns(genes);
        var components = PrincipalComponents.Fit(used, Math.Min(options.Components, Math.Min(n, genes.Length) - 1), options.Seed, options.Threads);
        float[] cells = components.Transform(used, options.Threads), doublets = components.Transform(Normalization.LogNormalize(Pairs(counts, simulated, options.Seed), total).SelectColumns(genes), options.Threads);
        cancellation.ThrowIfCancellationRequested();

        float[] all = [.. cells, .. doublets];
        double ratio = simulated / (double)n;
        int k = (int)Math.Round(Math.Round(0.5 * Math.Sqrt(n)) * (1 + ratio));
        NeighborTable table = NearestNeighbors.Find(all, components.Count, k, new NeighborOptions { Seed = options.Seed, Threads = options.Threads }, cancellation);
        var scores = new double[n + simulated];
        for (int i = 0; i < scores.Length; i++)
        {
            int near = 0;
            foreach (int j in table.IndicesOf(i))
                if (j >= n) near++;
            // Bayes: so many simulated ones among the neighbours, for so many simulated and expected ones altogether.
            double q = (near + 1.0) / (table.K + 2), rho = options.ExpectedRate;
            scores[i] = Math.Clamp(q * rho / ratio / (1 - rho - q * (1 - rho - rho / ratio)), 0, 1);
        }
        double[] ofDoublets = scores[n..];
        return new DoubletScores(scores[..n], ofDoublets, Valley(ofDoublets));
    }

    /// <summary>Sums of random pairs of different rows.</summary>
    private static SparseMatrix Pairs(SparseMatrix counts, int number, long seed)
    {
        var random = new RandomStream(RandomKey.From(seed, "doublets"));
        int n = counts.Rows;
        var pairs = new (int A, int B)[number];
        var pointers = new long[number + 1];
        for (int d = 0; d < number; d++)
        {
            int a = random.NextInt32(n), b = random.NextInt32(n - 1);
            pairs[d] = (a, b >= a ? b + 1 : b);
            pointers[d + 1] = pointers[d] + Union(counts.RowIndices(pairs[d].A), counts.RowIndices(pairs[d].B));
        }
        if (pointers[number] > Array.MaxLength) throw new InputException($"{number} simulated doublets have more counts than one matrix can hold; score samples one by one, or simulate fewer.");
        var indices = new int[pointers[number]];
        var values = new float[indices.Length];
        Blocks.Ranges(number, 0, (from, to) =>
        {
            for (int d = from; d < to; d++) Add(counts, pairs[d].A, pairs[d].B, indices.AsSpan((int)pointers[d]), values.AsSpan((int)pointers[d]));
        });
        return new SparseMatrix(number, counts.Columns, pointers, indices, values);
    }

    private static int Union(ReadOnlySpan<int> a, ReadOnlySpan<int> b)
    {
        int count = 0;
        for (int i = 0, j = 0; i < a.Length || j < b.Length; count++)
        {
            int next = Math.Min(i < a.Length ? a[i] : int.MaxValue, j < b.Length ? b[j] : int.MaxValue);
            if (i < a.Length && a[i] == next) i++;
            if (j < b.Length && b[j] == next) j++;
        }
        return count;
    }

    private static void Add(SparseMatrix counts, int a, int b, Span<int> indices, Span<float> values)
    {
        ReadOnlySpan<int> x = counts.RowIndices(a), y = counts.RowIndices(b);
        ReadOnlySpan<float> vx = counts.RowValues(a), vy = counts.RowValues(b);
        for (int i = 0, j = 0, k = 0; i < x.Length || j < y.Length; k++)
        {
            int next = Math.Min(i < x.Length ? x[i] : int.MaxValue, j < y.Length ? y[j] : int.MaxValue);
            indices[k] = next;
            values[k] = 0;
            if (i < x.Length && x[i] == next) values[k] += vx[i++];
            if (j < y.Length && y[j] == next) values[k] += vy[j++];
        }
    }

    /// <summary>Lowest point between the two modes of a histogram, smoothed until it has two (Prewitt and Mendelsohn 1966); NaN where it never does.</summary>
    internal static double Valley(double[] scores)
    {
        const int bins = 256, rounds = 10_000;
        double low = scores.Min(), high = scores.Max();
        if (!(high > low)) return double.NaN;
        var counts = new double[bins];
        foreach (double s in scores) counts[Math.Min(bins - 1, (int)((s - low) / (high - low) * bins))]++;
        for (int round = 0; round < rounds; round++)
        {
            var modes = new List<int>();
            for (int b = 0, rise = 0; b < bins; b++)
            {
                if (b + 1 < bins && counts[b + 1] > counts[b]) rise = b + 1;
                else if (rise >= 0 && (b + 1 == bins || counts[b + 1] < counts[b]))
                {
                    modes.Add((rise + b) / 2);
                    rise = -1;
                }
            }
            if (modes.Count == 2)
            {
                int lowest = modes[0];
                for (int b = modes[0]; b <= modes[1]; b++)
                    if (counts[b] < counts[lowest]) lowest = b;
                return low + (lowest + 0.5) * (high - low) / bins;
            }
            if (modes.Count < 2) return double.NaN;
            var smooth = new double[bins];
            for (int b = 0; b < bins; b++) smooth[b] = (counts[Math.Max(0, b - 1)] + counts[b] + counts[Math.Min(bins - 1, b + 1)]) / 3;
            counts = smooth;
        }
        return double.NaN;
    }
}
