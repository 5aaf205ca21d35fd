using Cellcast.Tensors.Random;
using MathNet.Numerics.LinearAlgebra;

namespace Cellcast.Analysis.Embedding;

/// <summary>
/// Largest eigenvalues of a symmetric operator by Lanczos' method with full reorthogonalisation (Golub and Van Loan, chapter 10), restarted with the Ritz vectors
/// found so far when the basis is full (Wu and Simon 2000).
/// </summary>
internal sealed class SymmetricEigen
{
    private readonly int _size, _threads;
    private readonly RandomKey _key;
    private readonly double[][] _outside;
    private readonly List<double[]> _basis = [];

    private SymmetricEigen(int size, RandomKey key, double[][] outside, int threads) => (_size, _key, _outside, _threads) = (size, key, outside, threads);

    /// <summary>What was found.</summary>
    /// <param name="Values">Eigenvalues, descending.</param>
    /// <param name="Vectors">Their vectors, of length 1.</param>
    /// <param name="Products">How often the operator was applied.</param>
    /// <param name="Converged">Whether all residuals are below the tolerance.</param>
    public sealed record Result(double[] Values, double[][] Vectors, int Products, bool Converged);

    /// <summary>Finds the largest.</summary>
    /// <param name="apply">y = A x: takes x, fills y.</param>
    /// <param name="size">Dimension of A.</param>
    /// <param name="count">How many; at most <paramref name="size"/> less the number of vectors outside.</param>
    /// <param name="key">Random start.</param>
    /// <param name="tolerance">Largest norm of a residual, relative to the largest eigenvalue.</param>
    /// <param name="room">Most vectors of the basis before a restart; at least twice the count and ten more, unless the dimension is smaller.</param>
    /// <param name="most">Most products; what is there by then is returned.</param>
    /// <param name="outside">Known eigenvectors, orthonormal, whose space is left out.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    /// <param name="cancellation">Looked at between products.</param>
    public static Result Largest(Action<double[], double[]> apply, int size, int count, RandomKey key, double tolerance, int room = int.MaxValue, int most = int.MaxValue,
        double[][]? outside = null, int threads = 1, CancellationToken cancellation = default)
    {
        outside ??= [];
        int whole = size - outside.Length;
        if (count > whole) throw new ArgumentOutOfRangeException(nameof(count), count, $"there are {whole} eigenvectors");
        room = Math.Min(whole, Math.Max(room, 2 * count + 10));
        return new SymmetricEigen(size, key, outside, threads).Run(apply, count, tolerance, room, most, whole, cancellation);
    }

    private Result Run(Action<double[], double[]> apply, int count, double tolerance, int room, int most, int whole, CancellationToken cancellation)
    {
        double[,] h = new double[Math.Min(room, 64), Math.Min(room, 64)];
        double[] next = Start(0);
        double scaleOfAll = 0;
        for (int products = 0, check = Math.Min(room, 2 * count + 20); ;)
        {
            cancellation.ThrowIfCancellationRequested();
            int j = _basis.Count;
            if (j == h.GetLength(0)) h = Grown(h, Math.Min(room, 2 * j));
            double[] v = next;
            _basis.Add(v);
            next = new double[_size];
            apply(v, next);
            products++;
            double scale = Math.Sqrt(Blocks.Dot(next, next));
            scaleOfAll = Math.Max(scaleOfAll, scale);
            double left = Orthogonalize(next, h, j);
            // Nothing new: the basis holds a whole invariant space, and a random direction outside it opens the next one.
            bool closed = left <= 1e-12 * scaleOfAll;
            int m = _basis.Count;
            bool last = m == whole || products >= most;
            if (m == check || m == room || last)
            {
                var (values, vectors) = Eigen(h, m);
                double bound = tolerance * Math.Abs(values[0]);
                bool enough = m == whole || (!closed && Enumerable.Range(0, count).All(c => left * Math.Abs(vectors[m - 1, c]) <= bound));
                if (enough || last) return new Result(values[..count], Combine(vectors, count), products, enough);
                if (m == room)
                {
                    int kept = Math.Min(room - 2, count + (room - count) / 3);
                    double[][] ritz = Combine(vectors, kept);
                    _basis.Clear();
                    _basis.AddRange(ritz);
                    Array.Clear(h);
                    for (int c = 0; c < kept; c++) h[c, c] = values[c];
                    m = kept;
                }
                check = Math.Min(room, m + Math.Max(20, count / 2));
            }
            if (closed) next = Start(products);
        }
    }

    /// <summary>A random vector at right angles to all others, of length 1.</summary>
    private double[] Start(int number)
    {
        var random = new float[_size];
        RandomFill.Normal(_key.Split(number), random);
        double[] v = Array.ConvertAll(random, x => (double)x);
        Orthogonalize(v, null, 0);
        return v;
    }

    private static double[,] Grown(double[,] h, int size)
    {
        var larger = new double[size, size];
        for (int i = 0; i < h.GetLength(0); i++)
            for (int j = 0; j < h.GetLength(1); j++) larger[i, j] = h[i, j];
        return larger;
    }

    /// <summary>Takes the basis out of a vector and gives it unit length; returns the length it had left. What was taken out is added to column j of the projected matrix.</summary>
    private double Orthogonalize(double[] v, double[,]? h, int j)
    {
        double before = Math.Sqrt(Blocks.Dot(v, v)), left = before;
        // A second pass makes up for what rounding leaves when little is left.
        for (int pass = 0; pass < 3; pass++)
        {
            double[][] others = [.. _outside, .. _basis];
            double[] share = Shares(others, v);
            Subtract(others, share, v);
            for (int i = 0; h is not null && i < _basis.Count; i++) h[i, j] += share[_outside.Length + i];
            left = Math.Sqrt(Blocks.Dot(v, v));
            if (pass > 0 && left > 0.5 * before) break;
            before = left;
        }
        for (int i = 0; h is not null && i < j; i++) h[j, i] = h[i, j];
        if (left > 0)
            for (int i = 0; i < v.Length; i++) v[i] /= left;
        return left;
    }

    private const int BlockRows = 4096;

    private int BlockCount => (_size + BlockRows - 1) / BlockRows;

    private double[] Shares(double[][] vectors, double[] v)
    {
        var parts = new double[BlockCount][];
        Blocks.For(BlockCount, _threads, b =>
        {
            int from = b * BlockRows, count = Math.Min(BlockRows, _size - from);
            var part = new double[vectors.Length];
            for (int i = 0; i < part.Length; i++) part[i] = Blocks.Dot(vectors[i].AsSpan(from, count), v.AsSpan(from, count));
            parts[b] = part;
        });
        var sum = new double[vectors.Length];
        foreach (double[] part in parts)
            for (int i = 0; i < sum.Length; i++) sum[i] += part[i];
        return sum;
    }

    private void Subtract(double[][] vectors, double[] share, double[] v) => Blocks.For(BlockCount, _threads, b =>
    {
        int from = b * BlockRows, count = Math.Min(BlockRows, _size - from);
        for (int i = 0; i < share.Length; i++) Blocks.AddScaled(-share[i], vectors[i].AsSpan(from, count), v.AsSpan(from, count));
    });

    private double[][] Combine(double[,] vectors, int count)
    {
        var result = new double[count][];
        for (int c = 0; c < count; c++) result[c] = new double[_size];
        Blocks.For(BlockCount, _threads, b =>
        {
            int from = b * BlockRows, length = Math.Min(BlockRows, _size - from);
            for (int c = 0; c < count; c++)
                for (int j = 0; j < _basis.Count; j++) Blocks.AddScaled(vectors[j, c], _basis[j].AsSpan(from, length), result[c].AsSpan(from, length));
        });
        return result;
    }

    /// <summary>Eigenvalues, descending, and eigenvectors, in columns.</summary>
    private static (double[] Values, double[,] Vectors) Eigen(double[,] h, int m)
    {
        var evd = Matrix<double>.Build.Dense(m, m, (i, j) => h[Math.Min(i, j), Math.Max(i, j)]).Evd(Symmetricity.Symmetric);
        int[] order = [.. Enumerable.Range(0, m).OrderByDescending(i => evd.EigenValues[i].Real)];
        var vectors = new double[m, m];
        for (int c = 0; c < m; c++)
            for (int i = 0; i < m; i++) vectors[i, c] = evd.EigenVectors[i, order[c]];
        return ([.. order.Select(i => evd.EigenValues[i].Real)], vectors);
    }
}
