using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Neighbors;

/// <summary>
/// Nearest neighbours by descent (Dong, Moses and Li 2011): neighbours of a neighbour are compared with each other until hardly anything gets nearer, beginning with the sets of some
/// projection trees. Comparisons of a stretch of points are collected before any list changes, so that threads decide nothing.
/// </summary>
internal sealed class NeighborDescent
{
    private const int MostCandidates = 32, LeafSize = 48, Trees = 8, MostRounds = 12, Stretch = 4096, BlockPoints = 128, Targets = 32, Spare = 8;
    private const double Enough = 0.001;

    private readonly float[] _rows;
    private readonly NeighborLists _lists;
    private readonly int _n, _stride, _threads;
    private readonly RandomKey _key;
    private readonly CancellationToken _cancellation;

    private NeighborDescent(float[] points, int dimensions, int k, RandomKey key, int threads, CancellationToken cancellation)
    {
        (_n, _stride, _threads, _key, _cancellation) = (points.Length / dimensions, (dimensions + 15) / 16 * 16, threads, key, cancellation);
        _rows = new float[checked(_n * _stride)];
        for (int i = 0; i < _n; i++) points.AsSpan(i * dimensions, dimensions).CopyTo(_rows.AsSpan(i * _stride));
        _lists = new NeighborLists(_n, Math.Min(_n - 1, k + Spare));
    }

    private readonly record struct Found(int Point, int Neighbor, float Distance);

    /// <summary>Points that are to be compared: the fresh with one another and with the others.</summary>
    private ref struct Candidates(ReadOnlySpan<int> fresh, ReadOnlySpan<int> others)
    {
        public ReadOnlySpan<int> Fresh = fresh, Others = others;
    }

    /// <summary>Indices and squared distances, n x k.</summary>
    public static (int[] Indices, double[] Squared) Search(float[] points, int dimensions, int k, RandomKey key, int threads, CancellationToken cancellation)
    {
        var descent = new NeighborDescent(points, dimensions, k, key, threads, cancellation);
        descent.Plant(points, dimensions);
        for (int round = 0; round < MostRounds; round++)
            if (!descent.Round(round)) break;
        return descent.Nearest(points, dimensions, k);
    }

    private void Plant(float[] points, int dimensions)
    {
        var trees = new List<int[]>[Trees];
        Blocks.For(Trees, _threads, t => trees[t] = ProjectionTree.Leaves(points, dimensions, LeafSize, _key.Split("tree").Split(t)));
        foreach (List<int[]> leaves in trees)
            Join(leaves.Count, l => new Candidates(leaves[l], []));
    }

    /// <summary>Compares; false when hardly anything was found.</summary>
    private bool Round(int round)
    {
        var (fresh, others) = Choose(round);
        Join(_n, i => new Candidates(fresh.Of(i), others.Of(i)));
        return _lists.FreshCount > Enough * _n * _lists.K;
    }

    private delegate Candidates CandidatesOf(int item);

    /// <summary>Compares the candidates of all items, a stretch at a time.</summary>
    private void Join(int items, CandidatesOf candidates)
    {
        for (int first = 0; first < items; first += Stretch)
        {
            _cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(Stretch, items - first), blocks = (count + BlockPoints - 1) / BlockPoints;
            var found = new List<Found>[blocks][];
            Blocks.For(blocks, _threads, b =>
            {
                found[b] = [.. Enumerable.Range(0, Targets).Select(_ => new List<Found>())];
                int from = first + b * BlockPoints, to = Math.Min(first + count, from + BlockPoints);
                for (int i = from; i < to; i++) Compare(candidates(i), found[b]);
            });
            Blocks.For(Targets, _threads, t =>
            {
                foreach (List<Found>[] list in found)
                    foreach (Found f in list[t]) _lists.Offer(f.Point, f.Neighbor, f.Distance);
            });
        }
    }

    private void Compare(Candidates c, List<Found>[] found)
    {
        for (int a = 0; a < c.Fresh.Length; a++)
        {
            int p = c.Fresh[a];
            for (int b = a + 1; b < c.Fresh.Length; b++) Compare(p, c.Fresh[b], found);
            foreach (int q in c.Others) Compare(p, q, found);
        }
    }

    private void Compare(int p, int q, List<Found>[] found)
    {
        if (p == q) return;
        float d = SquaredDistance(p, q);
        if (d <= _lists.Bound(p)) found[Target(p)].Add(new Found(p, q, d));
        if (d <= _lists.Bound(q)) found[Target(q)].Add(new Found(q, p, d));
    }

    private int Target(int point) => (int)((long)point * Targets / _n);

    private float SquaredDistance(int p, int q)
    {
        // Sixteen lanes whatever the machine's width and no fused operations: the same bits everywhere.
        ref float x = ref _rows[p * _stride], y = ref _rows[q * _stride];
        var sum = Vector512<float>.Zero;
        for (int j = 0; j < _stride; j += 16)
        {
            var d = Vector512.LoadUnsafe(ref x, (nuint)j) - Vector512.LoadUnsafe(ref y, (nuint)j);
            sum += d * d;
        }
        return Vector512.Sum(sum);
    }

    /// <summary>Lists of candidates of varying length.</summary>
    private sealed class Chosen(int n)
    {
        private readonly int[] _items = new int[n * MostCandidates], _count = new int[n];

        public ReadOnlySpan<int> Of(int i) => _items.AsSpan(i * MostCandidates, _count[i]);

        public void Set(int i, List<(uint Priority, int Point)> all)
        {
            // The lowest of a random order that belongs to the pair; a pair found from both ends comes twice.
            all.Sort();
            int count = 0;
            foreach (var (_, point) in all)
            {
                if (count == MostCandidates) break;
                if (!Contains(i, count, point)) _items[i * MostCandidates + count++] = point;
            }
            _count[i] = count;
        }

        public bool Contains(int i, int point) => Contains(i, _count[i], point);

        private bool Contains(int i, int count, int point) => _items.AsSpan(i * MostCandidates, count).Contains(point);
    }

    /// <summary>Candidates around every point: its neighbours and those it is a neighbour of, fresh ones and others apart. What is chosen is fresh no more.</summary>
    private (Chosen Fresh, Chosen Others) Choose(int round)
    {
        int k = _lists.K;
        var start = new int[_n + 1];
        for (int i = 0; i < _n; i++)
            foreach (int j in _lists.Of(i))
                if (j >= 0) start[j + 1]++;
        for (int i = 0; i < _n; i++) start[i + 1] += start[i];
        int[] next = start[.._n], from = new int[start[_n]];
        var freshFrom = new bool[from.Length];
        for (int i = 0; i < _n; i++)
            for (int e = 0; e < k; e++)
                if (_lists.Of(i)[e] is >= 0 and int j) (from[next[j]], freshFrom[next[j]++]) = (i, _lists.FreshOf(i)[e]);

        uint salt = _key.Split("round").Split(round).Bits(0);
        var (fresh, others) = (new Chosen(_n), new Chosen(_n));
        Blocks.Ranges(_n, _threads, (first, end) =>
        {
            List<(uint, int)> f = [], o = [];
            for (int i = first; i < end; i++)
            {
                f.Clear();
                o.Clear();
                ReadOnlySpan<int> own = _lists.Of(i);
                for (int e = 0; e < k; e++)
                    if (own[e] >= 0) (_lists.FreshOf(i)[e] ? f : o).Add((Priority(salt, i, own[e]), own[e]));
                for (int e = start[i]; e < start[i + 1]; e++) (freshFrom[e] ? f : o).Add((Priority(salt, i, from[e]), from[e]));
                fresh.Set(i, f);
                others.Set(i, o);
            }
        });
        Blocks.Ranges(_n, _threads, (first, end) =>
        {
            for (int i = first; i < end; i++)
                for (int e = 0; e < k; e++)
                    if (_lists.Of(i)[e] >= 0 && fresh.Contains(i, _lists.Of(i)[e])) _lists.FreshOf(i)[e] = false;
        });
        return (fresh, others);
    }

    /// <summary>A number that belongs to an ordered pair (finaliser of SplitMix64).</summary>
    private static uint Priority(uint salt, int i, int j)
    {
        ulong z = ((ulong)(uint)i << 32 | (uint)j) + salt * 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return (uint)(z >> 32);
    }

    /// <summary>The k nearest of each list, by distances in double precision.</summary>
    private (int[] Indices, double[] Squared) Nearest(float[] points, int d, int k)
    {
        var indices = new int[_n * k];
        var squared = new double[indices.Length];
        Blocks.Ranges(_n, _threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                int[] known = Known(i);
                // Too few were ever met, which takes a point that shares no set with others: compare it with all.
                if (known.Length < k) known = [.. Enumerable.Range(0, _n).Where(j => j != i)];
                (double Distance, int Point)[] list = [.. known.Select(j => (NearestNeighbors.SquaredDistance(points.AsSpan(i * d, d), points.AsSpan(j * d, d)), j)).Order().Take(k)];
                for (int e = 0; e < k; e++) (squared[i * k + e], indices[i * k + e]) = list[e];
            }
        });
        return (indices, squared);
    }

    private int[] Known(int i)
    {
        int[] known = _lists.Of(i).ToArray();
        return known[^1] >= 0 ? known : [.. known.Where(j => j >= 0)];
    }
}
