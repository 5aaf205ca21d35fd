using System.Globalization;
using Cellcast.Analysis.Communities;
using Cellcast.Analysis.Workflow;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Workflow;

/// <summary>The whole way on 2,638 blood cells whose types are known.</summary>
public class RealCellsTests
{
    private static readonly Lazy<AnalysisResult> s_result = new(() =>
        StandardAnalysis.Run(H5adFile.Read(TestPaths.SharedData("pbmc3k.h5ad")), new AnalysisOptions { Label = "label", Umap = false }, new Silent()));

    [SharedDataFact("pbmc3k.h5ad")]
    public void Clusters_of_blood_cells_follow_their_types_and_have_their_marker_genes()
    {
        var result = s_result.Value;
        Assert.True(result.Agreement!.AdjustedRandIndex > 0.68 && result.Agreement.NormalizedMutualInformation > 0.78, result.Agreement.ToString());
        Assert.InRange(result.Clusters.Count, 8, 10);
        var clusters = ClusterSummary.Of(result);
        // Types, and the genes that they have been known by since long before single cells.
        foreach (var (type, genes) in new[] { ("Naive CD4 T", "CD3D CD3E LDHB"), ("CD14+ Mono", "CD14 LYZ S100A8"), ("FCGR3A+ Mono", "FCGR3A MS4A7"), ("B", "MS4A1 CD79A CD79B"), ("NK", "NKG7 GNLY PRF1"), ("CD8 T", "CD8A CCL5 GZMK"),
            ("DC", "FCER1A CLEC10A"), ("Platelet", "PPBP PF4") })
        {
            Assert.Contains(clusters, c => c.Label == type && c.LabelShare > 0.7);
            var markers = result.LabelMarkers!.Groups.Single(g => g.Group == type);
            foreach (string gene in genes.Split(' '))
            {
                int k = Array.IndexOf(result.Data.Var.Index, gene), rank = Array.IndexOf(markers.Order, k);
                Assert.True(rank < 150 && markers.QValues[k] < 1e-6 && markers.LogFoldChanges[k] > 0.9, $"{gene} is number {rank} of {type}, q {markers.QValues[k]:g2}, fold {markers.LogFoldChanges[k]:0.0}");
            }
        }
    }

    [ToolFact("leidenalg", "pbmc3k.h5ad")]
    public void Modularity_on_the_graph_of_blood_cells_is_that_of_leidenalg()
    {
        using var dir = new TemporaryDirectory();
        var matrix = s_result.Value.Graph.Connectivities;
        using (var file = new StreamWriter(dir["edges"]))
            for (int i = 0; i < matrix.Rows; i++)
                for (int k = 0; k < matrix.RowIndices(i).Length; k++)
                    if (matrix.RowIndices(i)[k] > i) file.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i} {matrix.RowIndices(i)[k]} {matrix.RowValues(i)[k]:R}"));
        double[] resolutions = [0.3, 0.5, 1, 2];
        double[] theirs = Samples.Python("""
            import igraph, leidenalg
            e = [l.split() for l in open(sys.argv[1])]; w = [float(c) for *_, c in e]
            g = igraph.Graph(n=int(sys.argv[2]), edges=[(int(a), int(b)) for a, b, _ in e])
            out = []
            for r in json.loads(sys.argv[3]):
                p = [leidenalg.find_partition(g, leidenalg.RBConfigurationVertexPartition, weights=w, resolution_parameter=r, seed=s, n_iterations=-1) for s in range(5)]
                out.append(float(np.mean([q.quality() for q in p]) / (2 * sum(w)))); print(r, out[-1], [len(q) for q in p])
            print(json.dumps(out))
            """, dir["edges"], matrix.Rows.ToString(CultureInfo.InvariantCulture), "[" + string.Join(",", resolutions.Select(r => r.ToString(CultureInfo.InvariantCulture))) + "]").Numbers();
        var graph = WeightedGraph.FromSymmetric(matrix);
        for (int r = 0; r < resolutions.Length; r++)
        {
            double ours = Enumerable.Range(0, 5).Average(s => Leiden.Find(graph, new LeidenOptions { Resolution = resolutions[r], Seed = s }).Quality);
            Assert.True(ours >= theirs[r] - 0.002, $"resolution {resolutions[r]}: {ours:0.00000} against {theirs[r]:0.00000}");
        }
    }

    private sealed class Silent : IAnalysisProgress
    {
        public void Step(string step, double share) { }

        public void Done(string step, string outcome) { }

        public void Message(string text) { }

        public void Warning(string text) { }
    }
}
