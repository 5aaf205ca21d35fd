using Cellcast.AnnData;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Analysis.Embedding;

/// <summary>
/// Gradient of t-SNE's divergence: attraction over the pairs of neighbours, repulsion between all points. Repulsion is exact up to some thousand points; beyond, squares of a tree that
/// lie far enough from all points of a leaf act as one mass on them (Barnes and Hut 1986, van der Maaten 2014).
/// </summary>
internal sealed class TsneGradient
{
    /// <summary>Most points whose repulsion is exact: below, the tree costs more than it saves.</summary>
    internal const int ExactPoints = 4000;

    private const int ExactBlock = 64;

    private readonly SparseMatrix _similarities;
    private readonly double _angle;
    private readonly int _n, _threads;
    private readonly QuadTree _tree = new();
    private readonly float[] _repulsionX, _repulsionY, _total, _ones;

    // Coordinates and masses, kept from leaf to leaf.
    [ThreadStatic]
    private static List<float>[]? t_list;

    public TsneGradient(SparseMatrix similarities, double angle, int threads)
    {
        (_similarities, _angle, _n, _threads) = (similarities, angle, similarities.Rows, threads);
        (_repulsionX, _repulsionY, _total, _ones) = (new float[_n], new float[_n], new float[_n], new float[_n]);
        Array.Fill(_ones, 1f);
    }

    /// <summary>Half sums over the pairs of the unnormalised similarities of the positions.</summary>
    public double Normalization { get; private set; }

    /// <summary>Fills in the gradient.</summary>
    /// <param name="x">First coordinates.</param>
    /// <param name="y">Second coordinates.</param>
    /// <param name="exaggeration">Factor of the attraction.</param>
    /// <param name="gradientX">Derivative with respect to the first coordinates.</param>
    /// <param name="gradientY">Derivative with respect to the second coordinates.</param>
    public void Compute(float[] x, float[] y, float exaggeration, float[] gradientX, float[] gradientY)
    {
        Repulsion(x, y);
        Blocks.Ranges(_n, _threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                var (ax, ay) = StudentForces.Attraction(x, y, i, _similarities.RowIndices(i), _similarities.RowValues(i));
                gradientX[i] = (float)(4 * (exaggeration * ax - _repulsionX[i] / Normalization));
                gradientY[i] = (float)(4 * (exaggeration * ay - _repulsionY[i] / Normalization));
            }
        });
    }

    /// <summary>Kullback-Leibler divergence at positions, over the pairs of neighbours.</summary>
    public double Divergence(float[] x, float[] y)
    {
        Repulsion(x, y);
        var parts = new double[_n];
        Blocks.Ranges(_n, _threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                ReadOnlySpan<int> index = _similarities.RowIndices(i);
                ReadOnlySpan<float> p = _similarities.RowValues(i);
                for (int e = 0; e < index.Length; e++)
                {
                    double dx = x[i] - x[index[e]], dy = y[i] - y[index[e]], q = 1 / ((1 + dx * dx + dy * dy) * Normalization);
                    if (p[e] > 0) parts[i] += p[e] * Math.Log(p[e] / q);
                }
            }
        });
        return parts.Sum();
    }

    internal void Repulsion(float[] x, float[] y)
    {
        if (_n <= ExactPoints || _angle == 0) Exact(x, y);
        else ByTree(x, y);
        double sum = 0;
        // Every point has found itself at distance 0.
        foreach (float t in _total) sum += t - 1.0;
        Normalization = Math.Max(sum, double.Epsilon);
    }

    internal (float X, float Y) RepulsionAt(int point) => (_repulsionX[point], _repulsionY[point]);

    private void Exact(float[] x, float[] y) => Blocks.For((_n + ExactBlock - 1) / ExactBlock, _threads, b =>
    {
        int from = b * ExactBlock, count = Math.Min(ExactBlock, _n - from);
        StudentForces.Repulsion(x.AsSpan(from, count), y.AsSpan(from, count), x, y, _ones, _repulsionX.AsSpan(from), _repulsionY.AsSpan(from), _total.AsSpan(from));
    });

    private void ByTree(float[] x, float[] y)
    {
        _tree.Build(x, y);
        int leaves = _tree.Leaves.Length;
        Blocks.Ranges(leaves, _threads, (from, to) =>
        {
            List<float>[] list = t_list ??= [[], [], []];
            Span<float> fx = stackalloc float[QuadTree.LeafSize], fy = stackalloc float[QuadTree.LeafSize], z = stackalloc float[QuadTree.LeafSize];
            for (int l = from; l < to; l++)
            {
                QuadTree.Node leaf = _tree.Nodes[_tree.Leaves[l]];
                for (int begin = leaf.Begin; begin < leaf.End; begin += QuadTree.LeafSize)
                {
                    int count = Math.Min(QuadTree.LeafSize, leaf.End - begin);
                    Masses(begin, count, list);
                    StudentForces.Repulsion(_tree.X.AsSpan(begin, count), _tree.Y.AsSpan(begin, count), Span(list[0]), Span(list[1]), Span(list[2]), fx, fy, z);
                    for (int i = 0; i < count; i++)
                    {
                        int point = _tree.Order[begin + i];
                        (_repulsionX[point], _repulsionY[point], _total[point]) = (fx[i], fy[i], z[i]);
                    }
                }
            }
        });
    }

    private static ReadOnlySpan<float> Span(List<float> list) => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(list);

    /// <summary>What acts on some points next to each other: far squares as a whole, points of near leaves one by one.</summary>
    private void Masses(int begin, int count, List<float>[] list)
    {
        foreach (List<float> l in list) l.Clear();
        float lowX = float.PositiveInfinity, lowY = lowX, highX = float.NegativeInfinity, highY = highX;
        for (int i = begin; i < begin + count; i++)
        {
            (lowX, highX) = (Math.Min(lowX, _tree.X[i]), Math.Max(highX, _tree.X[i]));
            (lowY, highY) = (Math.Min(lowY, _tree.Y[i]), Math.Max(highY, _tree.Y[i]));
        }
        ReadOnlySpan<QuadTree.Node> nodes = _tree.Nodes;
        float angle = (float)(_angle * _angle);
        for (int at = 0; at < nodes.Length;)
        {
            ref readonly QuadTree.Node node = ref nodes[at];
            float dx = Math.Max(0, Math.Max(lowX - node.X, node.X - highX)), dy = Math.Max(0, Math.Max(lowY - node.Y, node.Y - highY));
            if (node.SquaredWidth < angle * (dx * dx + dy * dy))
            {
                list[0].Add(node.X);
                list[1].Add(node.Y);
                list[2].Add(node.End - node.Begin);
                at = node.Next;
            }
            else if (node.IsLeaf)
            {
                list[0].AddRange(_tree.X.AsSpan(node.Begin, node.End - node.Begin));
                list[1].AddRange(_tree.Y.AsSpan(node.Begin, node.End - node.Begin));
                list[2].AddRange(_ones.AsSpan(0, node.End - node.Begin));
                at = node.Next;
            }
            else at++;
        }
    }
}
