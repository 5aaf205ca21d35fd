using Cellcast.Analysis.Communities;
using Cellcast.Analysis.Markers;
using Cellcast.Analysis.Neighbors;
using Cellcast.Analysis.Preprocessing;
using Cellcast.Analysis.QualityControl;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Workflow;

/// <summary>How gene sets are scored in cells.</summary>
public enum GeneSetScoring
{
    /// <summary>Against control genes of similar expression: <see cref="GeneSets.GeneSetScores.AgainstControls"/>.</summary>
    Controls,

    /// <summary>By rank within the cell: <see cref="GeneSets.GeneSetScores.ByRank"/>.</summary>
    Rank,
}

/// <summary>What becomes of cells that look like two cells in one droplet.</summary>
public enum DoubletTreatment
{
    /// <summary>They are not looked for.</summary>
    Ignore,

    /// <summary>Every cell gets a score, in <c>obs/doublet_score</c> and <c>obs/predicted_doublet</c>.</summary>
    Mark,

    /// <summary>As <see cref="Mark"/>, and those that are called doublets are left out.</summary>
    Drop,
}

/// <summary>Settings of <see cref="StandardAnalysis"/>; the defaults are those of the field's tutorials.</summary>
public sealed record AnalysisOptions
{
    /// <summary>Layer with the raw counts; null for X.</summary>
    public string? Layer { get; init; }

    /// <summary>Which cells and genes are kept.</summary>
    public CellFilter Filter { get; init; } = new() { MinimumGenes = 200, MinimumCells = 3 };

    /// <summary>What becomes of cells that look like two cells in one droplet.</summary>
    public DoubletTreatment Doublets { get; init; }

    /// <summary>Share of doublets to expect.</summary>
    public double ExpectedDoublets { get; init; } = new DoubletOptions().ExpectedRate;

    /// <summary>Total that the counts of every cell are scaled to; null for the median total.</summary>
    public double? Total { get; init; } = 10_000;

    /// <summary>Number of variable genes that components are made of.</summary>
    public int VariableGenes { get; init; } = 2000;

    /// <summary>How the variability of genes is compared.</summary>
    public DispersionFlavor Flavor { get; init; } = DispersionFlavor.Seurat;

    /// <summary>Column of <c>obs</c> within whose groups genes must vary; null to choose them over all cells.</summary>
    public string? Batch { get; init; }

    /// <summary>Bring genes to mean 0 and variance 1, cut off at 10, before the components are made.</summary>
    public bool Scale { get; init; }

    /// <summary>Principal components, at most.</summary>
    public int Components { get; init; } = 50;

    /// <summary>Neighbourhood: its size and the distance.</summary>
    public NeighborOptions Neighbors { get; init; } = new();

    /// <summary>Communities.</summary>
    public LeidenOptions Leiden { get; init; } = new();

    /// <summary>Lay the cells out by UMAP.</summary>
    public bool Umap { get; init; } = true;

    /// <summary>Lay the cells out by t-SNE.</summary>
    public bool Tsne { get; init; }

    /// <summary>Column of <c>obs</c> with known types: they are compared with the clusters and get marker genes of their own.</summary>
    public string? Label { get; init; }

    /// <summary>How marker genes are found.</summary>
    public MarkerOptions Markers { get; init; } = new();

    /// <summary>Marker genes that the data set keeps of each group; null for all genes.</summary>
    public int? MarkersKept { get; init; } = 100;

    /// <summary>Gene sets to score in every cell.</summary>
    public IReadOnlyList<GeneSet> GeneSets { get; init; } = [];

    /// <summary>How gene sets are scored.</summary>
    public GeneSetScoring Scoring { get; init; } = GeneSetScoring.Controls;

    /// <summary>Seed of everything that is drawn at random.</summary>
    public long Seed { get; init; }

    /// <summary>Threads, 0 for all cores; the result does not depend on it.</summary>
    public int Threads { get; init; }
}

/// <summary>Is told how an analysis gets on.</summary>
public interface IAnalysisProgress
{
    /// <summary>How much of a step is done, from 0 to 1.</summary>
    /// <param name="step">The step.</param>
    /// <param name="share">Share of its work.</param>
    void Step(string step, double share);

    /// <summary>A step has ended.</summary>
    /// <param name="step">The step.</param>
    /// <param name="outcome">What came of it, in a few words.</param>
    void Done(string step, string outcome);

    /// <summary>Something that was decided.</summary>
    /// <param name="text">A sentence.</param>
    void Message(string text);

    /// <summary>Something to act on or doubt.</summary>
    /// <param name="text">A sentence.</param>
    void Warning(string text);
}
