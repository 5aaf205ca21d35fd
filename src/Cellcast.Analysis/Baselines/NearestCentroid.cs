using Cellcast.AnnData;

namespace Cellcast.Analysis.Baselines;

/// <summary>Calls a cell by the nearest mean of a class (Euclidean). Probabilities are those of round clouds of one common size around the means.</summary>
public sealed class NearestCentroid : ICellClassifier
{
    private readonly double[] _centroids; // genes x classes
    private readonly double[] _norms;
    private readonly double _spread;

    private NearestCentroid(string[] classes, int genes, double[] centroids, double[] norms, double spread)
    {
        (Classes, GeneCount, _centroids, _norms, _spread) = (classes, genes, centroids, norms, spread);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Number of genes.</summary>
    public int GeneCount { get; }

    /// <summary>Computes the means of the classes.</summary>
    /// <param name="expression">Cells x genes, usually log-normalised.</param>
    /// <param name="labels">Class of each cell.</param>
    /// <exception cref="InputException">The lengths differ or there is only one class.</exception>
    public static NearestCentroid Train(SparseMatrix expression, IReadOnlyList<string> labels)
    {
        var (classes, label) = CellClassifier.Encode(expression, labels);
        int k = classes.Length, genes = expression.Columns;
        var centroids = new double[(long)genes * k];
        double[] size = new double[k], norms = new double[k];
        double squares = 0;
        for (int i = 0; i < expression.Rows; i++)
        {
            size[label[i]]++;
            ReadOnlySpan<int> index = expression.RowIndices(i);
            ReadOnlySpan<float> value = expression.RowValues(i);
            for (int e = 0; e < index.Length; e++)
            {
                centroids[(long)index[e] * k + label[i]] += value[e];
                squares += (double)value[e] * value[e];
            }
        }
        for (int g = 0; g < genes; g++)
            for (int c = 0; c < k; c++)
            {
                centroids[(long)g * k + c] /= size[c];
                norms[c] += centroids[(long)g * k + c] * centroids[(long)g * k + c];
            }
        // Mean squared distance of a cell to the mean of its class.
        for (int c = 0; c < k; c++) squares -= size[c] * norms[c];
        double spread = Math.Max(squares / expression.Rows, 1e-300);
        return new NearestCentroid(classes, genes, centroids, norms, spread);
    }

    /// <inheritdoc/>
    public double[] Probabilities(SparseMatrix expression, int threads = 0)
    {
        CellClassifier.RequireGenes(expression, GeneCount);
        int k = Classes.Count;
        var p = new double[(long)expression.Rows * k];
        Blocks.For(expression.Rows, threads, i =>
        {
            Span<double> row = p.AsSpan(i * k, k);
            ReadOnlySpan<int> index = expression.RowIndices(i);
            ReadOnlySpan<float> value = expression.RowValues(i);
            for (int e = 0; e < index.Length; e++)
                for (int c = 0; c < k; c++) row[c] += value[e] * _centroids[(long)index[e] * k + c];
            // The square of the cell itself is the same for every class.
            for (int c = 0; c < k; c++) row[c] = (2 * row[c] - _norms[c]) / (2 * _spread);
            CellClassifier.Softmax(row);
        });
        return p;
    }
}
