using Cellcast.Analysis.Neighbors;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Clusters;

/// <summary>Points in groups, each nearest to the mean of its own group.</summary>
/// <param name="Groups">Group of each point, from 0, numbered in the order of their first points.</param>
/// <param name="SumOfSquares">Sum of the squared distances of the points from the means of their groups.</param>
/// <param name="Iterations">Rounds that the kept start took.</param>
public sealed record KMeansResult(int[] Groups, double SumOfSquares, int Iterations);

/// <summary>k-means: Lloyd's rounds (1982) from several starts that are drawn far apart (k-means++, Arthur and Vassilvitskii 2007, with the best of a few candidates for each centre).
/// The start that ends with the smallest sum of squares is kept.</summary>
public static class KMeans
{
    /// <summary>Groups points.</summary>
    /// <param name="points">n x d coordinates, row-major, finite.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="count">How many groups, at most n.</param>
    /// <param name="starts">How many starts.</param>
    /// <param name="rounds">Most rounds of a start.</param>
    /// <param name="seed">Seed of the starts.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">The coordinates do not come in rows of d, or there are fewer points than groups.</exception>
    public static KMeansResult Run(float[] points, int dimensions, int count, int starts = 10, int rounds = 300, long seed = 0, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(starts, 1);
        if (points.Length % dimensions != 0) throw new ArgumentException($"coordinates do not come in rows of {dimensions}", nameof(points));
        int n = points.Length / dimensions;
        if (n < count) throw new ArgumentException($"{n} points cannot be put in {count} groups", nameof(count));
        KMeansResult? best = null;
        for (int s = 0; s < starts; s++)
        {
            var run = new Search(points, dimensions, count, new RandomStream(RandomKey.From(seed, "k-means").Split(s)), threads);
            KMeansResult found = run.Go(rounds);
            if (best is null || found.SumOfSquares < best.SumOfSquares) best = found;
        }
        return best!;
    }

    private sealed class Search
    {
        private readonly float[] _points, _centres;
        private readonly int _n, _d, _k, _threads;
        private readonly int[] _group;
        private readonly double[] _distance;

        internal Search(float[] points, int dimensions, int count, RandomStream random, int threads)
        {
            (_points, _d, _k, _n, _threads) = (points, dimensions, count, points.Length / dimensions, threads);
            (_centres, _group, _distance) = (new float[count * dimensions], new int[_n], new double[_n]);
            Seed(random);
        }

        internal KMeansResult Go(int rounds)
        {
            int round = 0;
            for (bool moved = true; moved && round < rounds; round++)
            {
                moved = Assign();
                Centre();
            }
            Assign();
            return new KMeansResult(InOrder(), _distance.Sum(), round);
        }

        /// <summary>Centres among the points: each next one is the best of a few, drawn with chances proportional to the squared distance from those before.</summary>
        private void Seed(RandomStream random)
        {
            int tries = 2 + (int)Math.Log(_k);
            Array.Fill(_distance, double.PositiveInfinity);
            Take(0, random.NextInt32(_n));
            double[] candidate = new double[_n], chosen = new double[_n];
            for (int c = 1; c < _k; c++)
            {
                double total = _distance.Sum(), least = double.PositiveInfinity;
                int pick = -1;
                for (int t = 0; t < tries; t++)
                {
                    int point = Draw(random.NextUniform() * total);
                    Blocks.Ranges(_n, _threads, (from, to) =>
                    {
                        for (int i = from; i < to; i++) candidate[i] = Math.Min(_distance[i], NearestNeighbors.SquaredDistance(Point(i), Point(point)));
                    });
                    double left = candidate.Sum();
                    if (left >= least) continue;
                    (least, pick) = (left, point);
                    candidate.CopyTo(chosen, 0);
                }
                Point(pick).CopyTo(_centres.AsSpan(c * _d));
                chosen.CopyTo(_distance, 0);
            }
        }

        private void Take(int centre, int point)
        {
            Point(point).CopyTo(_centres.AsSpan(centre * _d));
            for (int i = 0; i < _n; i++) _distance[i] = NearestNeighbors.SquaredDistance(Point(i), Point(point));
        }

        private int Draw(double at)
        {
            for (int i = 0; i < _n; i++)
                if ((at -= _distance[i]) < 0) return i;
            return Array.FindLastIndex(_distance, d => d > 0) is >= 0 and int last ? last : _n - 1;
        }

        /// <summary>Gives every point to its nearest centre, of equal ones the first.</summary>
        private bool Assign()
        {
            int blocks = Blocks.Count(_n);
            var moved = new bool[blocks];
            Blocks.For(blocks, _threads, b =>
            {
                for (int i = Blocks.Start(b, blocks, _n); i < Blocks.Start(b + 1, blocks, _n); i++)
                {
                    int nearest = 0;
                    double least = double.PositiveInfinity;
                    for (int c = 0; c < _k; c++)
                    {
                        double d = NearestNeighbors.SquaredDistance(Point(i), _centres.AsSpan(c * _d, _d));
                        if (d < least) (least, nearest) = (d, c);
                    }
                    moved[b] |= nearest != _group[i];
                    (_group[i], _distance[i]) = (nearest, least);
                }
            });
            return Array.IndexOf(moved, true) >= 0;
        }

        /// <summary>Centres become means; a centre without points takes the point that is farthest from its own.</summary>
        private void Centre()
        {
            int blocks = Blocks.Count(_n);
            var sums = new double[blocks][];
            var sizes = new int[_k];
            Blocks.For(blocks, _threads, b =>
            {
                var sum = sums[b] = new double[_k * _d];
                for (int i = Blocks.Start(b, blocks, _n); i < Blocks.Start(b + 1, blocks, _n); i++)
                {
                    ReadOnlySpan<float> point = Point(i);
                    Span<double> to = sum.AsSpan(_group[i] * _d, _d);
                    for (int j = 0; j < _d; j++) to[j] += point[j];
                }
            });
            foreach (int g in _group) sizes[g]++;
            for (int c = 0; c < _k; c++)
            {
                Span<float> centre = _centres.AsSpan(c * _d, _d);
                if (sizes[c] == 0)
                {
                    int far = Array.IndexOf(_distance, _distance.Max());
                    Point(far).CopyTo(centre);
                    _distance[far] = 0;
                    continue;
                }
                for (int j = 0; j < _d; j++)
                {
                    double sum = 0;
                    for (int b = 0; b < blocks; b++) sum += sums[b][c * _d + j];
                    centre[j] = (float)(sum / sizes[c]);
                }
            }
        }

        private int[] InOrder()
        {
            var number = new int[_k];
            Array.Fill(number, -1);
            int next = 0;
            var groups = new int[_n];
            for (int i = 0; i < _n; i++)
            {
                if (number[_group[i]] < 0) number[_group[i]] = next++;
                groups[i] = number[_group[i]];
            }
            return groups;
        }

        private ReadOnlySpan<float> Point(int i) => _points.AsSpan(i * _d, _d);
    }
}
