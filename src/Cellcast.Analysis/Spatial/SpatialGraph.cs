using Cellcast.AnnData;

namespace Cellcast.Analysis.Spatial;

/// <summary>Which spots lie beside which: the k nearest of each, and who has it among its own. Symmetric, without the spot itself.</summary>
public sealed class SpatialGraph
{
    private readonly int[][] _neighbours;

    private SpatialGraph(int[][] neighbours) => _neighbours = neighbours;

    /// <summary>Number of spots.</summary>
    public int Count => _neighbours.Length;

    /// <summary>Neighbours of a spot, ascending.</summary>
    /// <param name="spot">Its index.</param>
    public ReadOnlySpan<int> Of(int spot) => _neighbours[spot];

    /// <summary>Number of directed edges.</summary>
    public long Edges => _neighbours.Sum(n => (long)n.Length);

    /// <summary>Finds the neighbours. Six suit the hexagonal grid of Visium, where they are those that touch a spot.</summary>
    /// <param name="coordinates">Spots x dimensions.</param>
    /// <param name="neighbours">k; spots at the distance of the k-th (within 1 %) count too, so that a regular grid gives regular neighbourhoods.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="InputException">There are too few spots, or a coordinate is not finite.</exception>
    public static SpatialGraph Build(DenseMatrix coordinates, int neighbours = 6, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(coordinates);
        ArgumentOutOfRangeException.ThrowIfLessThan(neighbours, 1);
        int n = coordinates.Rows, d = coordinates.Columns;
        if (n <= neighbours) throw new InputException($"{n} spots are too few for {neighbours} neighbours each.");
        float[] x = coordinates.ToSingle();
        for (int i = 0; i < x.Length; i++)
            if (!float.IsFinite(x[i])) throw new InputException($"the coordinates of spot {i / d + 1} are not finite; remove that spot.");
        var tree = new SpotTree(x, d);
        var near = new int[n][];
        Blocks.Ranges(n, threads, (from, to) =>
        {
            for (int i = from; i < to; i++) near[i] = tree.Within(i, tree.SquaredDistanceOfNearest(i, neighbours) * 1.0201);
        });
        // Who has a spot among its own without being one of its.
        var others = new List<int>?[n];
        for (int i = 0; i < n; i++)
            foreach (int j in near[i])
                if (Array.BinarySearch(near[j], i) < 0) (others[j] ??= []).Add(i);
        for (int i = 0; i < n; i++)
            if (others[i] is { } more) near[i] = [.. near[i].Concat(more).Order()];
        return new SpatialGraph(near);
    }

    /// <summary>Values smoothed over neighbours: each spot's own value and the mean of its neighbours', weighted.</summary>
    /// <param name="values">One per spot.</param>
    /// <param name="weight">Weight of the neighbours, from 0 (nothing changes) to 1 (a spot's own value does not count).</param>
    public double[] Smooth(ReadOnlySpan<double> values, double weight = 0.5)
    {
        if (values.Length != Count) throw new ArgumentException($"{Count} spots need as many values, not {values.Length}", nameof(values));
        if (!(weight is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(weight), weight, "a weight lies between 0 and 1");
        var smooth = new double[Count];
        for (int i = 0; i < smooth.Length; i++)
        {
            double sum = 0;
            foreach (int j in _neighbours[i]) sum += values[j];
            smooth[i] = _neighbours[i].Length == 0 ? values[i] : (1 - weight) * values[i] + weight * sum / _neighbours[i].Length;
        }
        return smooth;
    }
}
