using Cellcast.Analysis.Counts;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Metrics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>How well one kind of vectors agrees with labels.</summary>
/// <param name="Vectors">Which vectors.</param>
/// <param name="Removed">Share of each cell's expressed genes that was removed.</param>
/// <param name="Dimensions">Length of a vector.</param>
/// <param name="Quality">The figures.</param>
public sealed record ComparedVectors(string Vectors, double Removed, int Dimensions, VectorQuality Quality);

/// <summary>Cell vectors beside principal components of the same cells: agreement with labels that neither has seen, with all genes and with a share of each cell's expressed genes removed from
/// the counts (which are then normalised as usual).</summary>
public static class VectorComparison
{
    /// <summary>Name of an encoder's vectors.</summary>
    public const string Encoder = "scrobust";

    /// <summary>Name of the components that were fitted to the cells with all their genes.</summary>
    public const string Components = "PCA";

    /// <summary>Name of the components that were fitted to what is left of the cells.</summary>
    public const string RefittedComponents = "PCA, fitted again";

    /// <summary>Components that are compared.</summary>
    public const int ComponentCount = 20;

    /// <summary>Compares.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="model">The encoder.</param>
    /// <param name="data">The cells; raw counts where genes are to be removed.</param>
    /// <param name="layer">The matrix; null for X.</param>
    /// <param name="label">Column of obs; cells without a label are left out.</param>
    /// <param name="removed">Shares to remove besides none.</param>
    /// <param name="options">How cells are embedded; its seed is that of the removed genes and of both clusterings too.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="clusterings">How often vectors are clustered, each time with another seed; figures of clusterings are means.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="InputException">There is no such column, it has fewer than two labels, or genes are to be removed from values that are no counts.</exception>
    public static IReadOnlyList<ComparedVectors> Run(Device device, ScRobustModel model, AnnotatedData data, string? layer, string label, IReadOnlyList<double> removed, EmbeddingOptions options, int threads, int clusterings,
        ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(removed);
        ArgumentNullException.ThrowIfNull(options);
        string source = data.Source ?? "the data";
        string?[] labels = data.Obs.Require(label, source).ToText();
        int[] rows = [.. Enumerable.Range(0, labels.Length).Where(r => !string.IsNullOrEmpty(labels[r]))];
        string[] named = [.. rows.Select(r => labels[r]!)];
        if (named.Distinct().Count() < 2) throw new InputException($"'{source}', obs['{label}']: the cells have fewer than two different labels; choose another column with --label.");
        if (removed.Count > 0 && !CountSummary.Of(data.MatrixOf(layer)).IsRawCounts)
            throw new InputException($"'{source}', {layer ?? "X"}: genes can only be removed from raw counts; choose them with --layer, or leave out --dropout.");

        var key = RandomKey.From(options.Seed, "scrobust vectors").Split("removed genes");
        var result = new List<ComparedVectors>();
        PrincipalComponents? whole = null;
        foreach (double share in (double[])[0, .. removed])
        {
            NormalizedCells cells = share == 0 ? NormalizedCells.From(data, model.Preprocessing, NoProgress.Instance, layer) : NormalizedCells.From(Evaluation.Without(data, layer, share, key), model.Preprocessing, NoProgress.Instance);
            cells = cells.Select(rows);
            float[] vectors = model.Embed(device, CellSet.From([cells], model.Vocabulary, NoProgress.Instance), options, progress, cancellation);
            Add(Encoder, share, vectors);
            int count = Math.Min(ComponentCount, Math.Min(cells.Values.Rows - 1, cells.Values.Columns));
            PrincipalComponents own = PrincipalComponents.Fit(cells.Values, count, options.Seed, threads);
            Add(Components, share, (whole ??= own).Transform(cells.Values, threads));
            if (share > 0) Add(RefittedComponents, share, own.Transform(cells.Values, threads));
        }
        return result;

        void Add(string name, double share, float[] vectors)
        {
            cancellation.ThrowIfCancellationRequested();
            int dimensions = vectors.Length / rows.Length;
            result.Add(new ComparedVectors(name, share, dimensions, VectorQuality.Of(vectors, dimensions, named, options.Seed, threads, clusterings, cancellation)));
        }
    }
}
