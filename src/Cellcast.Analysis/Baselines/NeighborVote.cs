using Cellcast.AnnData;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Neighbors;

namespace Cellcast.Analysis.Baselines;

/// <summary>Calls a cell by the vote of its nearest training cells among principal components of the training cells.</summary>
public sealed class NeighborVote : ICellClassifier
{
    private readonly PrincipalComponents _components;
    private readonly float[] _positions;
    private readonly int[] _labels;

    private NeighborVote(string[] classes, PrincipalComponents components, float[] positions, int[] labels, int neighbors)
    {
        (Classes, _components, _positions, _labels, Neighbors) = (classes, components, positions, labels, neighbors);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Number of voters.</summary>
    public int Neighbors { get; }

    /// <summary>Computes the components and keeps the training cells.</summary>
    /// <param name="expression">Cells x genes, usually log-normalised.</param>
    /// <param name="labels">Class of each cell.</param>
    /// <param name="neighbors">Number of voters.</param>
    /// <param name="components">Number of components; fewer when there are fewer cells or genes.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="InputException">The lengths differ or there is only one class.</exception>
    public static NeighborVote Train(SparseMatrix expression, IReadOnlyList<string> labels, int neighbors = 15, int components = 50, int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(neighbors, 1);
        var (classes, label) = CellClassifier.Encode(expression, labels);
        var pca = PrincipalComponents.Fit(expression, Math.Min(components, Math.Min(expression.Rows - 1, expression.Columns)), threads: threads);
        return new NeighborVote(classes, pca, pca.Transform(expression, threads), label, neighbors);
    }

    /// <inheritdoc/>
    public double[] Probabilities(SparseMatrix expression, int threads = 0)
    {
        CellClassifier.RequireGenes(expression, _components.GeneCount);
        int[] nearest = NearestNeighbors.Of(_positions, _components.Transform(expression, threads), _components.Count, Neighbors, threads);
        int k = Classes.Count, voters = Math.Min(Neighbors, _labels.Length);
        var p = new double[(long)expression.Rows * k];
        for (int i = 0; i < expression.Rows; i++)
            for (int v = 0; v < voters; v++) p[(long)i * k + _labels[nearest[(long)i * voters + v]]] += 1.0 / voters;
        return p;
    }
}
