using Cellcast.AnnData;

namespace Cellcast.Analysis.Baselines;

/// <summary>Multinomial naive Bayes on log(1 + count), all classes taken as equally frequent. Hard to beat when genes are missing.</summary>
public sealed class NaiveBayes : ICellClassifier
{
    private readonly ClassProfiles _profiles;

    private NaiveBayes(string[] classes, ClassProfiles profiles) => (Classes, _profiles) = (classes, profiles);

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Collects the profiles of the classes.</summary>
    /// <param name="expression">Cells x genes, log-normalised; values of 0 or less are no expression.</param>
    /// <param name="labels">Class of each cell.</param>
    /// <exception cref="InputException">The lengths differ or there is only one class.</exception>
    public static NaiveBayes Train(SparseMatrix expression, IReadOnlyList<string> labels)
    {
        var (classes, label) = CellClassifier.Encode(expression, labels);
        var profiles = new ClassProfiles.Builder(expression.Columns, classes.Length);
        for (int i = 0; i < expression.Rows; i++)
        {
            var (columns, weights) = Expressed(expression, i);
            profiles.Add(columns, weights, label[i]);
        }
        return new NaiveBayes(classes, profiles.Build());
    }

    /// <inheritdoc/>
    /// <remarks>Genes of a cell depend on each other, so that the product of their likelihoods is far too certain; its logarithm is divided by the length of the cell's weights, which changes no call.</remarks>
    public double[] Probabilities(SparseMatrix expression, int threads = 0)
    {
        CellClassifier.RequireGenes(expression, _profiles.GeneCount);
        int k = Classes.Count;
        var p = new double[(long)expression.Rows * k];
        Blocks.For(expression.Rows, threads, i =>
        {
            var (columns, weights) = Expressed(expression, i);
            var row = p.AsSpan(i * k, k);
            ClassProfiles.Evidence(_profiles.LogOdds.Span, columns, weights, row);
            CellClassifier.Softmax(row);
        });
        return p;
    }

    private static (int[] Columns, double[] Weights) Expressed(SparseMatrix x, int row)
    {
        var index = x.RowIndices(row);
        var value = x.RowValues(row);
        var columns = new List<int>(index.Length);
        var values = new List<float>(index.Length);
        for (int e = 0; e < index.Length; e++)
        {
            if (!(value[e] > 0)) continue;
            columns.Add(index[e]);
            values.Add(value[e]);
        }
        var weights = new double[columns.Count];
        ClassProfiles.Weights([.. values], weights);
        return ([.. columns], weights);
    }
}
