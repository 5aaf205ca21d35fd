using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Neighbors;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>A linear map of an encoder's cell vectors that shortens the directions in which they say what nobody asks: how deeply a cell was sequenced, and how it differs from the cells around it. Learned
/// from the training cells without labels: from what happens to their vectors when molecules are lost, and from their differences from the mean of their nearest cells, half and half.</summary>
public sealed class VectorWhitening
{
    // Beyond so many cells the scatter of a few hundred columns is known well enough.
    private const int MostCells = 2000;
    private const int Neighbors = 15;
    private const int TokensPerBatch = 32_768;

    /// <summary>Directions that hold less of the unwanted scatter than this share of the mean are not lengthened any further.</summary>
    private const double Ridge = 0.2;

    private static readonly double[] s_depths = [0.75, 0.5, 0.25];

    private readonly float[] _map;

    /// <summary>A map as it was stored.</summary>
    /// <param name="map">columns x columns, row-major; a vector, as a row, is multiplied by it.</param>
    /// <param name="columns">Columns of a vector.</param>
    /// <exception cref="ArgumentException">The numbers are no such matrix or not finite.</exception>
    public VectorWhitening(float[] map, int columns)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Length != (long)columns * columns || Array.Exists(map, v => !float.IsFinite(v))) throw new ArgumentException($"the whitening is no {columns} x {columns} matrix of finite numbers", nameof(map));
        (_map, Columns) = (map, columns);
    }

    /// <summary>Columns of a vector.</summary>
    public int Columns { get; }

    /// <summary>The map, columns x columns, row-major.</summary>
    public ReadOnlySpan<float> Map => _map;

    /// <summary>Maps vectors in place.</summary>
    /// <param name="vectors">n x columns, row-major.</param>
    public void Apply(Span<float> vectors)
    {
        Span<double> row = new double[Columns];
        for (int start = 0; start < vectors.Length; start += Columns)
        {
            var vector = vectors.Slice(start, Columns);
            row.Clear();
            for (int k = 0; k < Columns; k++)
            {
                double x = vector[k];
                var from = _map.AsSpan(k * Columns, Columns);
                for (int c = 0; c < Columns; c++) row[c] += x * from[c];
            }
            for (int c = 0; c < Columns; c++) vector[c] = (float)row[c];
        }
    }

    /// <summary>Learns the map of an encoder. The variance of all vectors together stays what it was.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="cells">Cells on its vocabulary.</param>
    /// <param name="training">Those to learn from.</param>
    /// <param name="seed">Names the random choices.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <returns>Null where vectors do not differ.</returns>
    internal static VectorWhitening? Learn(Device device, CellEncoder encoder, CellSet cells, ReadOnlySpan<int> training, long seed, ITrainingProgress progress, CancellationToken cancellation)
    {
        var key = RandomKey.From(seed, "scrobust whitening");
        int columns = encoder.Size.Hidden;
        int[] rows = Chosen(training, key);
        float[] whole = Vectors(1, key);
        var depth = new double[columns * columns];
        for (int i = 0; i < s_depths.Length; i++)
        {
            float[] thinned = Vectors(s_depths[i], key.Split("molecules").Split(i));
            for (int v = 0; v < thinned.Length; v++) thinned[v] -= whole[v];
            Add(depth, thinned, columns);
        }
        var local = new double[columns * columns];
        Add(local, FromNeighbors(whole, columns), columns);
        double d = Trace(depth, columns), l = Trace(local, columns);
        if (!(d > 0 && l > 0)) return null;
        for (int i = 0; i < depth.Length; i++) depth[i] = 0.5 * depth[i] / d + 0.5 * local[i] / l;
        if (Whitening.InverseRoot(depth, columns, Ridge) is not { } root) return null;

        float[] before = Centred(whole, columns), after = (float[])before.Clone();
        new VectorWhitening(Array.ConvertAll(root, v => (float)v), columns).Apply(after);
        double factor = Math.Sqrt(Squares(before) / Squares(after));
        return double.IsFinite(factor) ? new VectorWhitening(Array.ConvertAll(root, v => (float)(v * factor)), columns) : null;

        float[] Vectors(double share, RandomKey molecules)
        {
            var vectors = new float[checked(rows.Length * columns)];
            var tape = new Tape(device, recordGradients: false);
            var batch = new TokenBatch();
            var thinning = new MoleculeThinning();
            int[] ids = new int[cells.Vocabulary.Count];
            var values = new float[ids.Length];
            for (int i = 0, first = 0; i < rows.Length; i++)
            {
                int kept = 0, c = rows[i];
                thinning.Take(cells, c, share, molecules.Split(c));
                var genes = cells.GenesOf(c);
                for (int g = 0; g < genes.Length; g++)
                    if (thinning.Values[g] > 0) (ids[kept], values[kept++]) = (genes[g], thinning.Values[g]);
                CellTokenizer.Append(batch, ids.AsSpan(0, kept), values.AsSpan(0, kept), int.MaxValue, Padding.Masked);
                if (batch.Tokens < TokensPerBatch && i + 1 < rows.Length) continue;
                cancellation.ThrowIfCancellationRequested();
                encoder.CellTokens(tape, batch).Span.CopyTo(vectors.AsSpan(first * columns, batch.Sequences * columns));
                tape.Reset();
                batch.Clear();
                first = i + 1;
                progress.Report(new TrainingUpdate("whitening", 0, 0) { Step = i + 1, StepsPerEpoch = rows.Length });
            }
            return vectors;
        }
    }

    /// <summary>What each vector differs by from the mean of its nearest others.</summary>
    private static float[] FromNeighbors(float[] vectors, int columns)
    {
        int n = vectors.Length / columns, k = Math.Min(Neighbors, n - 1);
        var differences = (float[])vectors.Clone();
        if (k < 1) return differences;
        int[] near = NearestNeighbors.Within(vectors, columns, k);
        for (int i = 0; i < n; i++)
            for (int c = 0; c < columns; c++)
            {
                double sum = 0;
                for (int q = 0; q < k; q++) sum += vectors[near[i * k + q] * columns + c];
                differences[i * columns + c] -= (float)(sum / k);
            }
        return differences;
    }

    private static int[] Chosen(ReadOnlySpan<int> training, RandomKey key)
    {
        int[] rows = training.ToArray();
        if (rows.Length > MostCells)
        {
            new RandomStream(key.Split("cells")).Shuffle<int>(rows);
            rows = rows[..MostCells];
        }
        Array.Sort(rows);
        return rows;
    }

    private static void Add(double[] squares, float[] rows, int columns)
    {
        for (int start = 0; start < rows.Length; start += columns)
            for (int i = 0; i < columns; i++)
            {
                double x = rows[start + i];
                for (int j = 0; j <= i; j++) squares[i * columns + j] += x * rows[start + j];
            }
    }

    private static float[] Centred(float[] vectors, int columns)
    {
        var mean = new double[columns];
        int n = vectors.Length / columns;
        for (int i = 0; i < vectors.Length; i++) mean[i % columns] += vectors[i] / (double)n;
        var centred = new float[vectors.Length];
        for (int i = 0; i < vectors.Length; i++) centred[i] = (float)(vectors[i] - mean[i % columns]);
        return centred;
    }

    private static double Trace(double[] squares, int columns)
    {
        double sum = 0;
        for (int c = 0; c < columns; c++) sum += squares[c * columns + c];
        return sum;
    }

    private static double Squares(float[] values)
    {
        double sum = 0;
        foreach (float v in values) sum += (double)v * v;
        return sum;
    }
}
