using System.Runtime.InteropServices;

namespace Cellcast.Analysis.Embedding;

/// <summary>
/// Points of the plane in nested squares (Barnes and Hut 1986), built anew from their interleaved coordinates. Nodes lie in depth-first order with the number of the node that follows
/// when one is not opened, so that a walk needs no stack.
/// </summary>
internal sealed class QuadTree
{
    /// <summary>Points of a leaf, unless they share all digits of their coordinates.</summary>
    public const int LeafSize = 32;

    private const int Levels = 16;

    private readonly List<Node> _nodes = [];
    private readonly List<int> _leaves = [];
    private uint[] _codes = [], _sortedCodes = [];

    /// <summary>A square.</summary>
    /// <param name="Begin">Its first point in <see cref="Order"/>.</param>
    /// <param name="End">Behind its last point.</param>
    /// <param name="Next">Node that follows when this one is not opened.</param>
    /// <param name="IsLeaf">Whether it has no squares within.</param>
    /// <param name="X">Mean of its points.</param>
    /// <param name="Y">Mean of its points.</param>
    /// <param name="SquaredWidth">Square of its width.</param>
    public readonly record struct Node(int Begin, int End, int Next, bool IsLeaf, float X, float Y, float SquaredWidth);

    /// <summary>Points in the order of the squares.</summary>
    public int[] Order { get; private set; } = [];

    /// <summary>First coordinates in that order.</summary>
    public float[] X { get; private set; } = [];

    /// <summary>Second coordinates in that order.</summary>
    public float[] Y { get; private set; } = [];

    /// <summary>All squares.</summary>
    public ReadOnlySpan<Node> Nodes => CollectionsMarshal.AsSpan(_nodes);

    /// <summary>Numbers of the squares that are leaves.</summary>
    public ReadOnlySpan<int> Leaves => CollectionsMarshal.AsSpan(_leaves);

    /// <summary>Builds it for other positions.</summary>
    public void Build(float[] x, float[] y)
    {
        int n = x.Length;
        if (Order.Length != n) (Order, X, Y, _codes, _sortedCodes) = (new int[n], new float[n], new float[n], new uint[n], new uint[n]);
        float lowX = float.PositiveInfinity, lowY = lowX, highX = float.NegativeInfinity, highY = highX;
        for (int i = 0; i < n; i++)
        {
            (lowX, highX) = (Math.Min(lowX, x[i]), Math.Max(highX, x[i]));
            (lowY, highY) = (Math.Min(lowY, y[i]), Math.Max(highY, y[i]));
        }
        double width = Math.Max(Math.Max((double)highX - lowX, (double)highY - lowY), 1e-30) * (1 + 1e-6), scale = (1 << Levels) / width;
        for (int i = 0; i < n; i++) _codes[i] = Interleave((uint)((x[i] - lowX) * scale)) | Interleave((uint)((y[i] - lowY) * scale)) << 1;
        Sort(n);
        for (int i = 0; i < n; i++) (X[i], Y[i]) = (x[Order[i]], y[Order[i]]);
        _nodes.Clear();
        _leaves.Clear();
        Add(0, n, 0, width);
    }

    private static uint Interleave(uint v)
    {
        v = Math.Min(v, (1u << Levels) - 1);
        v = (v | v << 8) & 0x00FF00FF;
        v = (v | v << 4) & 0x0F0F0F0F;
        v = (v | v << 2) & 0x33333333;
        return (v | v << 1) & 0x55555555;
    }

    /// <summary>By code, points of equal codes by number: two passes over sixteen bits.</summary>
    private void Sort(int n)
    {
        var count = new int[1 << 16];
        var between = new int[n];
        for (int pass = 0; pass < 2; pass++)
        {
            Array.Clear(count);
            int shift = 16 * pass;
            foreach (uint c in _codes) count[(c >> shift) & 0xFFFF]++;
            for (int b = 0, sum = 0; b < count.Length; b++) (count[b], sum) = (sum, sum + count[b]);
            for (int i = 0; i < n; i++)
            {
                int point = pass == 0 ? i : between[i];
                int at = count[(_codes[point] >> shift) & 0xFFFF]++;
                if (pass == 0) between[at] = point;
                else Order[at] = point;
            }
        }
        for (int i = 0; i < n; i++) _sortedCodes[i] = _codes[Order[i]];
    }

    /// <summary>Adds a node and all within; gives the sums of its coordinates.</summary>
    private (double X, double Y) Add(int begin, int end, int level, double width)
    {
        int number = _nodes.Count;
        bool leaf = end - begin <= LeafSize || level == Levels;
        _nodes.Add(default);
        double sumX = 0, sumY = 0;
        if (leaf)
        {
            _leaves.Add(number);
            for (int i = begin; i < end; i++) (sumX, sumY) = (sumX + X[i], sumY + Y[i]);
        }
        else
        {
            int shift = 2 * (Levels - 1 - level);
            for (int from = begin; from < end;)
            {
                uint quarter = _sortedCodes[from] >> shift;
                int to = End(from, end, shift, quarter);
                var (x, y) = Add(from, to, level + 1, width / 2);
                (sumX, sumY, from) = (sumX + x, sumY + y, to);
            }
        }
        int points = end - begin;
        _nodes[number] = new Node(begin, end, _nodes.Count, leaf, (float)(sumX / points), (float)(sumY / points), (float)(width * width));
        return (sumX, sumY);
    }

    /// <summary>Where the codes of a quarter end.</summary>
    private int End(int from, int end, int shift, uint quarter)
    {
        int low = from + 1, high = end;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_sortedCodes[middle] >> shift == quarter) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}
