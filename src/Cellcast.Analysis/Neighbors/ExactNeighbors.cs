using System.Numerics;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Analysis.Neighbors;

/// <summary>
/// All pairs compared by matrix products in float32; what may belong to the nearest is compared again in double precision, so that the result is
/// that of a full sort by (distance, index). Points are taken about their mean, which keeps the rounding of the products small.
/// </summary>
internal sealed class ExactNeighbors
{
    private const int QueryRows = 256, PointRows = 512, Margin = 8;

    private readonly float[] _points, _queries, _packed, _packedQueries;
    private readonly double[] _queryNorms;
    private readonly int _n, _m, _d, _k, _kept, _stride;
    private readonly bool _excludeSelf;

    private ExactNeighbors(float[] points, float[] queries, int dimensions, int k, bool excludeSelf)
    {
        (_points, _queries, _d, _k, _excludeSelf) = (points, queries, dimensions, k, excludeSelf);
        (_n, _m, _stride) = (points.Length / dimensions, queries.Length / dimensions, dimensions + 1);
        _kept = Math.Min(_n, k + Margin + (excludeSelf ? 1 : 0));
        double[] center = Mean(points, dimensions);
        (_packed, _) = Pack(points, center);
        (_packedQueries, _queryNorms) = ReferenceEquals(points, queries) ? (_packed, Norms(points, center)) : Pack(queries, center);
    }

    /// <summary>Indices and squared distances of the k nearest, m x k.</summary>
    public static (int[] Indices, double[] Squared) Search(float[] points, float[] queries, int dimensions, int k, bool excludeSelf, int threads, CancellationToken cancellation = default)
    {
        var search = new ExactNeighbors(points, queries, dimensions, k, excludeSelf);
        int[] indices = new int[search._m * k];
        double[] squared = new double[indices.Length];
        Blocks.For((search._m + QueryRows - 1) / QueryRows, threads, block =>
        {
            cancellation.ThrowIfCancellationRequested();
            search.Block(block * QueryRows, indices, squared);
        });
        return (indices, squared);
    }

    private static double[] Mean(float[] x, int d)
    {
        var mean = new double[d];
        for (int i = 0; i < x.Length; i += d)
            for (int j = 0; j < d; j++) mean[j] += x[i + j];
        for (int j = 0; j < d; j++) mean[j] /= Math.Max(1, x.Length / d);
        return mean;
    }

    /// <summary>Each point about the mean and, as one more coordinate, its squared length.</summary>
    private (float[] Packed, double[] Norms) Pack(float[] x, double[] center)
    {
        int rows = x.Length / _d;
        var packed = new float[checked(rows * _stride)];
        double[] norms = Norms(x, center);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < _d; j++) packed[i * _stride + j] = (float)(x[i * _d + j] - center[j]);
            packed[i * _stride + _d] = (float)norms[i];
        }
        return (packed, norms);
    }

    private double[] Norms(float[] x, double[] center)
    {
        var norms = new double[x.Length / _d];
        for (int i = 0; i < norms.Length; i++)
            for (int j = 0; j < _d; j++) norms[i] += (x[i * _d + j] - center[j]) * (x[i * _d + j] - center[j]);
        return norms;
    }

    private void Block(int first, int[] indices, double[] squared)
    {
        int rows = Math.Min(QueryRows, _m - first);
        // A query as (-2 x, 1) and a point as (y, |y|^2): their product orders the points by distance.
        var left = new float[rows * _stride];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < _d; j++) left[i * _stride + j] = -2 * _packedQueries[(first + i) * _stride + j];
            left[i * _stride + _d] = 1;
        }
        var nearest = new Nearest[rows];
        for (int i = 0; i < rows; i++) nearest[i] = new Nearest(_kept);
        var tile = new float[rows * Math.Min(PointRows, _n)];
        for (int from = 0; from < _n; from += PointRows)
        {
            int count = Math.Min(PointRows, _n - from);
            Gemm.Multiply(Workers.Inline, false, true, rows, count, _stride, left, _stride, _packed.AsSpan(from * _stride), _stride, tile, count);
            for (int i = 0; i < rows; i++) nearest[i].Add(tile.AsSpan(i * count, count), from);
        }
        for (int i = 0; i < rows; i++) Rank(first + i, nearest[i], indices, squared);
    }

    private void Rank(int query, Nearest nearest, int[] indices, double[] squared)
    {
        ReadOnlySpan<float> x = _queries.AsSpan(query * _d, _d);
        var (candidates, bound) = nearest.Take();
        double[] distances = Sorted(query, x, candidates);
        // Fewer than asked for: products beyond the range of float32.
        bool complete = candidates.Length >= _kept;
        if (complete && !double.IsPositiveInfinity(bound))
        {
            // A point that was dropped but is nearer than the k-th lies at most that far from the query, which bounds its length and so the error of its product.
            double last = distances[_k - 1], reach = 2 * Math.Sqrt(_queryNorms[query]) + Math.Sqrt(last), error = (_d + 16) * 1.2e-7 * reach * reach;
            complete = bound + _queryNorms[query] - error > last;
        }
        if (!complete)
        {
            candidates = [.. Enumerable.Range(0, _n)];
            distances = Sorted(query, x, candidates);
        }
        candidates.AsSpan(0, _k).CopyTo(indices.AsSpan(query * _k));
        distances.AsSpan(0, _k).CopyTo(squared.AsSpan(query * _k));
    }

    /// <summary>Distances of candidates, which are put into the order of (distance, index).</summary>
    private double[] Sorted(int query, ReadOnlySpan<float> x, int[] candidates)
    {
        var distances = new double[candidates.Length];
        for (int c = 0; c < candidates.Length; c++) distances[c] = Distance(query, x, candidates[c]);
        Sort(distances, candidates);
        return distances;
    }

    private double Distance(int query, ReadOnlySpan<float> x, int point) =>
        _excludeSelf && point == query ? double.PositiveInfinity : NearestNeighbors.SquaredDistance(x, _points.AsSpan(point * _d, _d));

    /// <summary>By distance, then index.</summary>
    private static void Sort(double[] distances, int[] candidates)
    {
        Array.Sort(distances, candidates);
        for (int i = 0; i < distances.Length;)
        {
            int end = i + 1;
            while (end < distances.Length && distances[end] == distances[i]) end++;
            if (end - i > 1) Array.Sort(candidates, i, end - i);
            i = end;
        }
    }

    /// <summary>The smallest values so far with their points: a buffer of twice the number, thinned out when full.</summary>
    private sealed class Nearest(int count)
    {
        private readonly float[] _values = new float[2 * count];
        private readonly int[] _points = new int[2 * count];
        private float _threshold = float.PositiveInfinity;
        private int _have;

        public void Add(ReadOnlySpan<float> values, int from)
        {
            int i = 0, width = Vector<float>.Count;
            for (; i <= values.Length - width; i += width)
                if (Vector.LessThanAny(new Vector<float>(values[i..]), new Vector<float>(_threshold)))
                    for (int j = i; j < i + width; j++) AddOne(values[j], from + j);
            for (; i < values.Length; i++) AddOne(values[i], from + i);
        }

        private void AddOne(float value, int point)
        {
            if (!(value < _threshold)) return;
            (_values[_have], _points[_have]) = (value, point);
            if (++_have == _values.Length) Thin();
        }

        private void Thin()
        {
            if (_have <= count) return;
            Array.Sort(_values, _points, 0, _have);
            // What is not kept is at least as far as the first that was dropped.
            _threshold = _values[count];
            _have = count;
        }

        /// <summary>What is kept, and a value that nothing dropped is below.</summary>
        public (int[] Points, double Bound) Take()
        {
            Thin();
            return (_points[.._have], _threshold);
        }
    }
}
