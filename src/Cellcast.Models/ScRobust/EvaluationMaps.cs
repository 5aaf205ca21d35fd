using Cellcast.Analysis.Embedding;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;

namespace Cellcast.Models.ScRobust;

/// <summary>Test cells in the plane.</summary>
/// <param name="Key">Short name, for columns.</param>
/// <param name="Name">What was laid out.</param>
/// <param name="Note">What a reader must know of it.</param>
/// <param name="X">First coordinate of each cell; NaN: not part of it.</param>
/// <param name="Y">Second coordinate.</param>
public sealed record EvaluationMap(string Key, string Name, string Note, float[] X, float[] Y);

/// <summary>
/// Pictures of the test cells of an evaluation. Every fold trains an encoder of its own, so that the vectors of different folds have no common space: all test cells can be shown by the vectors of the encoder that all
/// folds start from, or by principal components, and those of the first fold by the vectors of its model.
/// </summary>
public static class EvaluationMaps
{
    /// <summary>Key of the map of the encoder that all folds start from.</summary>
    public const string Encoder = "encoder";

    /// <summary>Key of the map of the first fold's model.</summary>
    public const string FirstFold = "fold1";

    /// <summary>Key of the map of principal components.</summary>
    public const string Components = "pca";

    private const int FewestCells = 4, ComponentCount = 50;

    /// <summary>Lays the cells out by UMAP; maps of fewer than four cells are left out.</summary>
    /// <param name="device">Computes vectors.</param>
    /// <param name="encoder">The encoder that all folds start from; null from scratch.</param>
    /// <param name="cells">The cells of the evaluation that are tested.</param>
    /// <param name="result">The evaluation.</param>
    /// <param name="evidence">Whether genes also speak by class profiles: then vectors from scratch say little by themselves, and components come first.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    /// <param name="cancellation">Looked at between epochs.</param>
    /// <returns>The most telling first.</returns>
    /// <exception cref="InputException">The cells cannot be laid out.</exception>
    public static IReadOnlyList<EvaluationMap> Of(Device device, ScRobustModel? encoder, NormalizedCells cells, EvaluationResult result, bool evidence, long seed, int threads, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(result);
        int n = cells.Values.Rows;
        int[] all = [.. Enumerable.Range(0, n)];
        var maps = new List<EvaluationMap>();
        if (encoder is not null)
        {
            float[] vectors = encoder.Embed(device, CellSet.From([cells], encoder.Vocabulary, NoProgress.Instance), new EmbeddingOptions { Seed = seed }, NoProgress.Instance, cancellation);
            Add(Encoder, "vectors of the encoder", "UMAP of the vectors of the encoder that all folds start from, before any fold trained it: no label had a part in it.", vectors, all);
        }
        TestedFold first = result.Folds[0];
        if (first.Vectors is { } own)
            Add(FirstFold, result.Folds.Count == 1 ? "vectors of the model" : "vectors of the first fold's model",
                (result.Folds.Count(f => f.Repeat == 1) == 1 ? "UMAP of the vectors of the trained model, which had not seen these cells." : $"UMAP of the vectors of the first fold's model for the {first.Cells.Length:N0} cells that it was tested on and had not seen. Models of different folds have no common space, so the other cells are not shown.")
                + (evidence ? " Labels rest on these vectors and on class profiles of the genes, which can tell apart what lies together here." : ""), own, first.Cells);
        int components = Math.Min(ComponentCount, Math.Min(n - 1, cells.Values.Columns));
        if (components > 1)
            Add(Components, "principal components", $"UMAP of {components} principal components of the expression: no model and no label had a part in it. It shows where the model is right and wrong, not how it sees the cells.",
                PrincipalComponents.Fit(cells.Values, components, seed, threads).Transform(cells.Values, threads), all);
        return encoder is null && evidence ? [.. maps.OrderBy(m => m.Key == Components ? 0 : 1)] : maps;

        void Add(string key, string name, string note, float[] points, int[] rows)
        {
            if (rows.Length < FewestCells) return;
            var (at, umap) = CellMap.Of(points, points.Length / rows.Length, seed: seed, threads: threads, cancellation: cancellation);
            float[] x = new float[n], y = new float[n];
            Array.Fill(x, float.NaN);
            Array.Fill(y, float.NaN);
            for (int i = 0; i < rows.Length; i++) (x[rows[i]], y[rows[i]]) = (at[2 * i], at[2 * i + 1]);
            maps.Add(new EvaluationMap(key, name, umap.Graph.Count == rows.Length ? note : $"{note} {umap.Graph.Count:N0} cells were laid out together, the others placed among them.", x, y));
        }
    }
}
