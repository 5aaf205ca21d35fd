using Cellcast.Analysis.Communities;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.GeneSets;
using Cellcast.Analysis.Markers;
using Cellcast.Analysis.Neighbors;
using Cellcast.Analysis.QualityControl;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Workflow;

/// <summary>How clusters agree with known types.</summary>
/// <param name="Column">Column of the types.</param>
/// <param name="Cells">Cells with a type.</param>
/// <param name="AdjustedRandIndex">1 for the same partition, about 0 for independent ones.</param>
/// <param name="NormalizedMutualInformation">1 for the same partition.</param>
/// <param name="AdjustedMutualInformation">1 for the same partition, about 0 for independent ones, whatever the number of groups.</param>
public sealed record LabelAgreement(string Column, int Cells, double AdjustedRandIndex, double NormalizedMutualInformation, double AdjustedMutualInformation);

/// <summary>What a <see cref="StandardAnalysis"/> has found.</summary>
public sealed record AnalysisResult
{
    /// <summary>The data set with everything in it, under scanpy's names.</summary>
    public required AnnotatedData Data { get; init; }

    /// <summary>Cells and genes before filtering.</summary>
    public required (int Cells, int Genes) Before { get; init; }

    /// <summary>Which cells were kept, and why the others were not.</summary>
    public required FilteredCells Filtered { get; init; }

    /// <summary>Positions of the variable genes.</summary>
    public required int[] VariableGenes { get; init; }

    /// <summary>Principal components.</summary>
    public required PrincipalComponents Components { get; init; }

    /// <summary>The graph of neighbours.</summary>
    public required NeighborGraph Graph { get; init; }

    /// <summary>The clusters.</summary>
    public required Partition Clusters { get; init; }

    /// <summary>Marker genes of the clusters; null when there is one cluster only.</summary>
    public MarkerGenes? Markers { get; init; }

    /// <summary>Marker genes of the known types; null without.</summary>
    public MarkerGenes? LabelMarkers { get; init; }

    /// <summary>How clusters agree with the known types; null without.</summary>
    public LabelAgreement? Agreement { get; init; }

    /// <summary>Gene sets as far as they were found, in the order of their scores in <c>obs</c>.</summary>
    public IReadOnlyList<MatchedGeneSet> GeneSets { get; init; } = [];
}
