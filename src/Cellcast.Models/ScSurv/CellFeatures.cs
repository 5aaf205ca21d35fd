namespace Cellcast.Models.ScSurv;

/// <summary>Features of N cells, made when they are asked for: N x F numbers, which would outgrow all else that is known of the cells, are never held.</summary>
public sealed class CellFeatures
{
    private const int BlockRows = 1024;

    private readonly Action<int, int, double[], int> _fill;

    /// <param name="cells">N.</param>
    /// <param name="width">F.</param>
    /// <param name="fill">Writes the features of some cells (first, how many) to the beginning of an array, row by row, on so many threads (0: all cores), which decide nothing.</param>
    internal CellFeatures(int cells, int width, Action<int, int, double[], int> fill) => (Cells, Width, _fill) = (cells, width, fill);

    /// <summary>Number of cells N.</summary>
    public int Cells { get; }

    /// <summary>Features of a cell F.</summary>
    public int Width { get; }

    /// <summary>Features that are at hand.</summary>
    /// <param name="values">N x F; kept, not copied.</param>
    /// <param name="width">F.</param>
    public static CellFeatures Of(double[] values, int width)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return new CellFeatures(values.Length / width, width, (first, count, target, _) => Array.Copy(values, (long)first * width, target, 0, (long)count * width));
    }

    /// <summary>Features of neighbouring cells.</summary>
    /// <param name="first">First cell.</param>
    /// <param name="count">How many.</param>
    /// <param name="values">Receives count x F.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    public void Read(int first, int count, double[] values, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (first < 0 || count < 0 || first > Cells - count) throw new ArgumentOutOfRangeException(nameof(count), $"cells {first} to {(long)first + count} of {Cells}");
        _fill(first, count, values, threads);
    }

    /// <summary>Goes over all cells in blocks, in order: first cell, how many, their features (count x F, in an array that may be longer and is used again).</summary>
    /// <param name="use">Uses a block.</param>
    /// <param name="threads">Threads that make features, 0 for all cores.</param>
    public void ForEachBlock(Action<int, int, double[]> use, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(use);
        var block = new double[Math.Min(BlockRows, Cells) * Width];
        for (int first = 0; first < Cells; first += BlockRows)
        {
            int count = Math.Min(BlockRows, Cells - first);
            Read(first, count, block, threads);
            use(first, count, block);
        }
    }

    /// <summary>Mean over the cells, F values.</summary>
    /// <param name="threads">Threads that make features, 0 for all cores.</param>
    public double[] Mean(int threads = 0)
    {
        var mean = new double[Width];
        ForEachBlock((_, count, block) =>
        {
            for (int r = 0; r < count; r++) Analysis.Blocks.AddScaled(1.0 / Cells, block.AsSpan(r * Width, Width), mean);
        }, threads);
        return mean;
    }

    /// <summary>Mean over the cells of each group, groups x F; zero for a group without cells.</summary>
    /// <param name="groupOf">Group of each cell, -1 for none.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="threads">Threads that make features, 0 for all cores.</param>
    public double[] Means(int[] groupOf, int groups, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(groupOf);
        var mean = new double[groups * Width];
        var count = new int[groups];
        foreach (int g in groupOf)
            if (g >= 0) count[g]++;
        ForEachBlock((first, rows, block) =>
        {
            for (int r = 0; r < rows; r++)
                if (groupOf[first + r] is >= 0 and var g) Analysis.Blocks.AddScaled(1.0 / count[g], block.AsSpan(r * Width, Width), mean.AsSpan(g * Width, Width));
        }, threads);
        return mean;
    }

    /// <summary>Covariance over the cells, F x F.</summary>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    public double[] Covariance(int threads = 0)
    {
        int f = Width;
        double[] mean = Mean(threads), covariance = new double[f * f];
        ForEachBlock((_, count, block) =>
        {
            for (int i = 0; i < count * f; i++) block[i] -= mean[i % f];
            // Each row of the matrix adds the cells up in their order.
            Analysis.Blocks.Ranges(f, threads, (from, to) =>
            {
                for (int r = 0; r < count; r++)
                    for (int j = from; j < to; j++)
                        if (block[r * f + j] is var d and not 0) Analysis.Blocks.AddScaled(d / Cells, block.AsSpan(r * f, f), covariance.AsSpan(j * f, f));
            });
        }, threads);
        return covariance;
    }
}
