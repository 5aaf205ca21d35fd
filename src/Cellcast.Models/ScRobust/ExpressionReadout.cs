using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Neighbors;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>
/// Learns the <see cref="VectorMap"/> of an encoder: one that makes distances between vectors those between the expression that can be read from them. The log expression of every gene, from which what
/// follows the depth of a cell has been regressed out, and which is in part that of its nearest cells, is read by ridge regression from the vectors of whole cells and of the same cells without four
/// fifths of their genes; coefficients are shortened by a part of what chance alone would explain, so that genes of which nothing can be read add no noise. The squared distance of two vectors is then the sum over
/// genes of the squared difference of what is read, over the standard deviation of what is not read (over its square, all genes would count alike, however little they say; over nothing, those of large values alone).
/// At last vectors are bounded by .71 of their root mean square length: those far out, whose depth rather than kind sets them apart, do not decide alone where groups are cut.
/// </summary>
/// <remarks>With coefficients b_g and residual deviations s_g the map is the symmetric root of the sum of b_g b_g' / s_g. Vectors meet expression in X' S R Y only (Y cells x genes, R regresses depth out, S averages
/// over near cells), which is (R S' X)' Y: so expression stays as sparse as it is.</remarks>
internal static class ExpressionReadout
{
    // Beyond so many cells a few hundred coefficients of a gene are known well enough.
    private const int MostCells = 4000;
    private const int TokensPerBatch = 32_768;
    private const int GenesPerBlock = 1024;
    private const int Neighbors = 15;

    /// <summary>Ridge, as a share of the mean variance of a column.</summary>
    private const double Ridge = 1e-3;

    /// <summary>Genes that say nothing but noise vary by less than this.</summary>
    private const double LeastDeviation = 1e-6;

    /// <summary>Share of the genes that cells lose in the second reading, and what that reading counts beside the first.</summary>
    private const double Lost = 0.8, LossyWeight = 0.1;

    /// <summary>Coefficients of a gene are shortened by so much of the share of what they explain that as many columns of noise would explain.</summary>
    private const double ByChance = 0.3;

    /// <summary>Square of the bound over the mean square of the lengths.</summary>
    private const double Bound = 0.5;

    /// <summary>Share of the expression to be read that is the mean of the nearest cells: it has less noise, and less of what sets a cell apart.</summary>
    private const double NeighborShare = 0.2;

    /// <summary>Learns it. The variance of all vectors together stays what it was.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="preprocessing">How its tokens take values.</param>
    /// <param name="cells">Cells on its vocabulary.</param>
    /// <param name="training">Those to learn from.</param>
    /// <param name="seed">Names the random choices.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <returns>Null where vectors or cells do not differ.</returns>
    internal static VectorMap? Learn(Device device, CellEncoder encoder, CellPreprocessing preprocessing, CellSet cells, ReadOnlySpan<int> training, long seed, ITrainingProgress progress, CancellationToken cancellation)
    {
        var key = RandomKey.From(seed, "scrobust readout");
        int[] rows = Chosen(training, key);
        int n = rows.Length, d = encoder.Size.Hidden;
        float[] vectors = Vectors(device, encoder, preprocessing, cells, rows, 0, key, progress, cancellation);
        double[] whole = Centred(vectors, d, out double[] mean), lossy = Centred(Vectors(device, encoder, preprocessing, cells, rows, Lost, key.Split("lost genes"), progress, cancellation), d, out _);
        double[] scatter = Squares(whole, d), both = Squares(lossy, d);
        for (int i = 0; i < both.Length; i++) both[i] = scatter[i] + LossyWeight * both[i];
        double spread = Trace(scatter, d), ridge = Ridge * Trace(both, d) / d;
        if (!(spread > 0) || !double.IsFinite(spread)) return null;
        for (int c = 0; c < d; c++) both[c * d + c] += ridge;
        double[] inverse = SymmetricFunctions.Inverse(both, d);

        double[] depth = Depths(cells, rows), alone = WithoutDepth(whole, depth, d), target = new double[whole.Length];
        for (int i = 0; i < target.Length; i++) target[i] = whole[i] + LossyWeight * lossy[i];
        target = WithoutDepth(Shared(target, vectors, d), depth, d);
        double[] map = new double[d * d], read = new double[d], spreads = new double[d];
        for (int first = 0; first < cells.Vocabulary.Genes.Count; first += GenesPerBlock)
        {
            cancellation.ThrowIfCancellationRequested();
            var genes = new Products(cells, rows, first, target, alone, depth, d);
            for (int g = 0; g < genes.Squares.Length; g++)
            {
                Multiply(inverse, genes.Targets.AsSpan(g * d, d), read);
                Multiply(scatter, read, spreads);
                // Sums of squares: what whole cells express beyond depth that is read, and that is not.
                double explained = 0;
                for (int c = 0; c < d; c++) explained += read[c] * (2 * genes.Alone[g * d + c] - spreads[c]);
                double left = Math.Max(0, genes.Squares[g] - explained), deviation = Math.Sqrt(left / n);
                if (deviation <= LeastDeviation || explained <= 0) continue;
                double kept = 1 - ByChance * d * (left / Math.Max(1, n - d - 2)) / explained;
                if (kept <= 0) continue;
                for (int i = 0; i < d; i++)
                {
                    double x = kept * kept * read[i] / deviation;
                    for (int j = 0; j <= i; j++) map[i * d + j] += x * read[j];
                }
            }
        }
        return Bounded(SymmetricFunctions.Root(map, d), whole, mean);
    }

    /// <summary>The map that bounds vectors, at the scale at which they keep their variance.</summary>
    /// <param name="root">d x d, symmetric.</param>
    /// <param name="whole">Vectors of the training cells, centred.</param>
    /// <param name="mean">Their mean.</param>
    private static VectorMap? Bounded(double[] root, double[] whole, double[] mean)
    {
        int d = mean.Length;
        double[] squares = new double[whole.Length / d], mapped = new double[d];
        double before = 0, after = 0;
        for (int i = 0; i < squares.Length; i++)
        {
            Multiply(root, whole.AsSpan(i * d, d), mapped);
            foreach (double v in mapped) squares[i] += v * v;
            for (int c = 0; c < d; c++) before += whole[i * d + c] * whole[i * d + c];
        }
        double bound = Bound * squares.Average();
        foreach (double s in squares) after += s / (1 + s / bound);
        double factor = Math.Sqrt(before / after);
        if (!double.IsFinite(factor)) return null;
        Multiply(root, mean, mapped);
        return new VectorMap(Array.ConvertAll(root, v => (float)(v * factor)), Array.ConvertAll(mapped, v => (float)(v * factor)), (float)(factor * Math.Sqrt(bound)));
    }

    private static void Multiply(double[] matrix, ReadOnlySpan<double> vector, double[] result)
    {
        for (int i = 0; i < result.Length; i++)
        {
            var row = matrix.AsSpan(i * vector.Length, vector.Length);
            double sum = 0;
            for (int c = 0; c < row.Length; c++) sum += row[c] * vector[c];
            result[i] = sum;
        }
    }

    private static double Trace(double[] matrix, int d)
    {
        double sum = 0;
        for (int c = 0; c < d; c++) sum += matrix[c * d + c];
        return sum;
    }

    /// <summary>What the regression needs to know of a block of genes, from one pass over the cells.</summary>
    private sealed class Products
    {
        /// <summary>Genes x columns of a vector: products with the regressors.</summary>
        internal double[] Targets { get; }

        /// <summary>The same with vectors of whole cells, without depth.</summary>
        internal double[] Alone { get; }

        /// <summary>Sums of squares beyond mean and depth.</summary>
        internal double[] Squares { get; }

        internal Products(CellSet cells, int[] rows, int first, double[] target, double[] alone, double[] depth, int d)
        {
            int count = Math.Min(GenesPerBlock, cells.Vocabulary.Genes.Count - first);
            double[] mean = new double[count], along = new double[count];
            (Targets, Alone, Squares) = (new double[d * count], new double[d * count], new double[count]);
            float[] buffer = [];
            for (int i = 0; i < rows.Length; i++)
            {
                var ids = cells.GenesOf(rows[i]);
                int from = ids.BinarySearch(GeneVocabulary.FirstGene + first), to = ids.BinarySearch(GeneVocabulary.FirstGene + first + count);
                (from, to) = (from < 0 ? ~from : from, to < 0 ? ~to : to);
                if (from == to) continue;
                var values = cells.LogValuesOf(rows[i], ref buffer);
                ReadOnlySpan<double> x = target.AsSpan(i * d, d), w = alone.AsSpan(i * d, d);
                for (int k = from; k < to; k++)
                {
                    int g = ids[k] - GeneVocabulary.FirstGene - first;
                    double y = values[k];
                    mean[g] += y / rows.Length;
                    along[g] += y * depth[i];
                    Squares[g] += y * y;
                    Span<double> a = Targets.AsSpan(g * d, d), b = Alone.AsSpan(g * d, d);
                    for (int c = 0; c < d; c++)
                    {
                        a[c] += y * x[c];
                        b[c] += y * w[c];
                    }
                }
            }
            for (int g = 0; g < count; g++) Squares[g] -= rows.Length * mean[g] * mean[g] + along[g] * along[g];
        }
    }

    /// <summary>Logarithms of the molecules of cells, centred and of length 1; all 0 where cells are equally deep. The smallest value of a cell is taken for one molecule.</summary>
    private static double[] Depths(CellSet cells, int[] rows)
    {
        var depths = new double[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            double least = double.MaxValue, sum = 0, scale = cells.ScaleOf(rows[i]);
            foreach (float v in cells.ValuesOf(rows[i]))
            {
                double linear = Math.Exp(v * scale) - 1;
                (least, sum) = (Math.Min(least, linear), sum + linear);
            }
            depths[i] = sum > 0 ? Math.Log(sum / least) : 0;
        }
        double mean = depths.Average();
        for (int i = 0; i < depths.Length; i++) depths[i] -= mean;
        double length = Math.Sqrt(depths.Sum(v => v * v));
        for (int i = 0; i < depths.Length; i++) depths[i] = length > 1e-6 ? depths[i] / length : 0;
        return depths;
    }

    /// <summary>Columns less their mean and what follows depth.</summary>
    private static double[] WithoutDepth(double[] rows, double[] depth, int columns)
    {
        double[] mean = new double[columns], slope = new double[columns], left = (double[])rows.Clone();
        for (int i = 0; i < rows.Length; i++)
        {
            mean[i % columns] += rows[i] / depth.Length;
            slope[i % columns] += rows[i] * depth[i / columns];
        }
        for (int i = 0; i < rows.Length; i++) left[i] -= mean[i % columns] + slope[i % columns] * depth[i / columns];
        return left;
    }

    /// <summary>Every cell's row, but for a share that goes to its nearest cells: averaging over near cells, turned over.</summary>
    private static double[] Shared(double[] rows, float[] vectors, int columns)
    {
        int n = rows.Length / columns, k = Math.Min(Neighbors, n - 1);
        if (k < 1) return rows;
        int[] near = NearestNeighbors.Within(vectors, columns, k);
        double[] shared = Array.ConvertAll(rows, v => (1 - NeighborShare) * v);
        for (int i = 0; i < n; i++)
            for (int q = 0; q < k; q++)
            {
                int to = near[i * k + q] * columns;
                for (int c = 0; c < columns; c++) shared[to + c] += NeighborShare / k * rows[i * columns + c];
            }
        return shared;
    }

    /// <summary>Vectors of cells that lost a share of their genes, n x columns.</summary>
    private static float[] Vectors(Device device, CellEncoder encoder, CellPreprocessing preprocessing, CellSet cells, int[] rows, double lost, RandomKey key, ITrainingProgress progress, CancellationToken cancellation)
    {
        int columns = encoder.Size.Hidden;
        var vectors = new float[checked(rows.Length * columns)];
        var tape = new Tape(device, recordGradients: false);
        var batch = new TokenBatch();
        var thinning = new CellThinning();
        float[] buffer = [];
        for (int i = 0, first = 0; i < rows.Length; i++)
        {
            int c = rows[i];
            if (lost == 0) CellTokenizer.Append(batch, cells.GenesOf(c), cells.ValuesOf(c), int.MaxValue, Padding.Masked);
            else
            {
                thinning.Take(cells.GenesOf(c), cells.LogValuesOf(c, ref buffer), lost, key.Split(c));
                CellTokenizer.Append(batch, thinning.Genes, thinning.TokenValues(preprocessing), int.MaxValue, Padding.Masked);
            }
            if (batch.Tokens < TokensPerBatch && i + 1 < rows.Length) continue;
            cancellation.ThrowIfCancellationRequested();
            encoder.CellTokens(tape, batch).Span.CopyTo(vectors.AsSpan(first * columns, batch.Sequences * columns));
            tape.Reset();
            batch.Clear();
            first = i + 1;
            progress.Report(new TrainingUpdate("map", 0, 0) { Step = i + 1, StepsPerEpoch = rows.Length });
        }
        return vectors;
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

    private static double[] Centred(float[] vectors, int columns, out double[] mean)
    {
        mean = new double[columns];
        int n = vectors.Length / columns;
        for (int i = 0; i < vectors.Length; i++) mean[i % columns] += vectors[i] / (double)n;
        var centred = new double[vectors.Length];
        for (int i = 0; i < vectors.Length; i++) centred[i] = vectors[i] - mean[i % columns];
        return centred;
    }

    private static double[] Squares(double[] rows, int columns)
    {
        var squares = new double[columns * columns];
        for (int start = 0; start < rows.Length; start += columns)
            for (int i = 0; i < columns; i++)
            {
                double x = rows[start + i];
                for (int j = 0; j < columns; j++) squares[i * columns + j] += x * rows[start + j];
            }
        return squares;
    }
}
