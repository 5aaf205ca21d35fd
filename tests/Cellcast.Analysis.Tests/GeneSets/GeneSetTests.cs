using Cellcast.Analysis.GeneSets;
using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.GeneSets;

public class GeneSetTests
{
    private static readonly string[] s_genes = [.. Enumerable.Range(0, 300).Select(g => $"GENE{g}")];

    [Fact]
    public void Sets_are_matched_by_name_and_by_case_only_where_names_as_written_fail()
    {
        GeneSet[] sets = [new("a", ["Cd3e", "Cd3d", "Gone"]), new("b", ["Nothing"])];
        Assert.Equal([0, 1], MatchedGeneSets.Of(sets, ["Cd3d", "Cd3e", "CD3E"], "x")[0].Genes);
        Assert.Equal([0, 2], MatchedGeneSets.Of(sets, ["CD3D", "MS4A1", "CD3E"], "x")[0].Genes);
        Assert.Empty(MatchedGeneSets.Of(sets, ["CD3D"], "x")[1].Genes);
        string message = Assert.Throws<InputException>(() => MatchedGeneSets.Of(sets, ["ENSG00000000003"], "cells.h5ad")).Message;
        Assert.Contains("'cells.h5ad'", message, StringComparison.Ordinal);
        Assert.Contains("'Cd3e'", message, StringComparison.Ordinal);
    }

    [ToolFact("anndata")] // for pandas
    public void Scores_against_controls_are_those_of_score_genes_where_nothing_is_left_to_chance()
    {
        using var dir = new TemporaryDirectory();
        var expression = Normalization.LogNormalize(Samples.Counts(50, 300, 12), 200);
        Samples.Save(expression, dir["x"]);
        int[] own = [3, 50, 51, 120, 299];
        var scores = GeneSetScores.AgainstControls(expression, [new MatchedGeneSet("s", own, 5), new MatchedGeneSet("empty", [], 2)], controls: 1000, bins: 10, threads: 2);
        var expected = Samples.Python("""
            import pandas as pd
            x = np.loadtxt(sys.argv[1]); genes = [3, 50, 51, 120, 299]
            avg = pd.Series(x.mean(0)); n_items = int(np.round(len(avg) / (10 - 1)))
            cut = avg.rank(method='min') // n_items
            control = [g for g in avg.index if cut[g] in set(cut[genes]) and g not in genes]
            print(json.dumps(list(x[:, genes].mean(1) - x[:, control].mean(1))))
            """, dir["x"]).Numbers();
        for (int i = 0; i < 50; i++) Assert.Equal(expected[i], scores[0][i], 1e-6);
        Assert.All(scores[1], v => Assert.True(double.IsNaN(v)));
    }

    [Fact]
    public void Controls_drawn_at_random_depend_on_the_seed_and_on_nothing_else()
    {
        var expression = Normalization.LogNormalize(Samples.Counts(40, 300, 13), 200);
        MatchedGeneSet a = new("a", [1, 2, 40], 3), b = new("b", [7, 8, 9], 3);
        double[] Of(long seed, int threads, params MatchedGeneSet[] sets) => GeneSetScores.AgainstControls(expression, sets, controls: 5, bins: 5, seed, threads)[0];
        Assert.Equal(Of(1, 1, a), Of(1, 3, a, b));
        Assert.NotEqual(Of(1, 1, a), Of(2, 1, a));
    }

    [Fact]
    public void Scores_by_rank_are_the_mean_over_all_ways_to_break_ties()
    {
        // Nine genes, ranks below 5 count. A gene of a tie takes every rank of the tie equally often.
        float[] row = [0, 2, 2, 7, 1, 1, 1, 0, 0];
        var matrix = SparseMatrix.FromDense(1, 9, row);
        foreach (int[] set in new int[][] { [3], [1, 4], [0, 2, 5], [7, 8], [1, 2, 3, 4, 5] })
        {
            double[] gain = new double[9];
            foreach (var tie in Enumerable.Range(0, 9).GroupBy(g => row[g]))
            {
                int before = row.Count(v => v > tie.Key);
                double mean = Enumerable.Range(before + 1, tie.Count()).Average(rank => Math.Max(0.0, 5 - rank));
                foreach (int g in tie) gain[g] = mean;
            }
            double most = Enumerable.Range(1, Math.Min(set.Length, 4)).Sum(i => 5 - i);
            Assert.Equal(set.Sum(g => gain[g]) / most, GeneSetScores.ByRank(matrix, [new MatchedGeneSet("s", set, set.Length)], topShare: 5.0 / 9)[0][0], 1e-12);
        }
        Assert.Equal(1, GeneSetScores.ByRank(SparseMatrix.FromDense(1, 9, [9, 8, 7, 0, 0, 0, 0, 0, 0]), [new MatchedGeneSet("s", [0, 1, 2], 3)], topShare: 0.5)[0][0], 1e-12);
    }

    [Fact]
    public void Scores_by_rank_do_not_depend_on_normalisation()
    {
        var counts = Samples.Counts(60, 300, 14);
        MatchedGeneSet[] sets = [new("a", [.. Enumerable.Range(0, 60).Select(g => g * 5)], 60), new("b", [1, 2, 3], 3)];
        double[][] raw = GeneSetScores.ByRank(counts, sets, threads: 1), normalized = GeneSetScores.ByRank(Normalization.LogNormalize(counts), sets, threads: 3);
        for (int s = 0; s < 2; s++) Assert.Equal(raw[s], normalized[s]);
        // Set a holds the genes that are higher in cells 0, 3, 6, …
        Assert.True(raw[0].Where((_, i) => i % 3 == 0).Average() > raw[0].Where((_, i) => i % 3 != 0).Average() + 0.1);
    }

    [Fact]
    public void An_enrichment_score_is_the_extreme_of_the_running_sum()
    {
        var random = new Random(3);
        double[] metric = [.. s_genes.Select(_ => random.NextDouble() * 4 - 1.5)];
        for (int trial = 0; trial < 60; trial++)
        {
            double weight = trial % 3 == 0 ? 0 : 1;
            var set = new GeneSet("s", [.. s_genes.Where(_ => random.NextDouble() < 0.07), s_genes[trial]]);
            var found = PreRankedEnrichment.Of(s_genes, metric, [set], "r", new EnrichmentOptions { MinimumSize = 1, Permutations = 10, Weight = weight }).Sets[0];
            int[] order = [.. Enumerable.Range(0, 300).OrderByDescending(g => metric[g])];
            var members = set.Genes.ToHashSet();
            double hit = order.Where(g => members.Contains(s_genes[g])).Sum(g => Math.Pow(Math.Abs(metric[g]), weight)), running = 0, best = 0;
            var edge = new List<string>();
            var passed = new List<string>();
            foreach (int g in order)
            {
                if (members.Contains(s_genes[g]))
                {
                    running += Math.Pow(Math.Abs(metric[g]), weight) / hit;
                    passed.Add(s_genes[g]);
                }
                else running -= 1.0 / (300 - members.Count);
                if (Math.Abs(running) <= Math.Abs(best) + 1e-12) continue;
                best = running;
                edge = [.. passed];
            }
            Assert.Equal(best, found.Score, 1e-10);
            Assert.Equal(members.Count, found.Size);
            if (best >= 0) Assert.Equal(edge, found.LeadingEdge);
            else Assert.Equal([.. order.Select(g => s_genes[g]).Where(members.Contains).Except(edge).Reverse()], found.LeadingEdge);
        }
    }

    [Fact]
    public void Enriched_sets_are_told_from_random_ones_and_false_discoveries_are_rare()
    {
        var random = new Random(17);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        string[] genes = [.. Enumerable.Range(0, 4000).Select(g => $"G{g}")];
        double[] metric = [.. genes.Select((_, g) => Normal() + (g < 40 ? 1.2 : g is >= 100 and < 140 ? -1.2 : 0))];
        var sets = new List<GeneSet> { new("up", genes[..40]), new("down", genes[100..140]) };
        for (int s = 0; s < 120; s++) sets.Add(new GeneSet($"random{s}", [.. Enumerable.Range(0, 20 + s % 60).Select(_ => genes[random.Next(200, 4000)]).Distinct()]));
        var found = PreRankedEnrichment.Of(genes, metric, sets, "r", new EnrichmentOptions { Permutations = 1000, Seed = 5 }, threads: 1);
        Assert.Equal(("up", "down"), (found.Sets[0].Name, found.Sets[^1].Name));
        foreach (var s in new[] { found.Sets[0], found.Sets[^1] }) Assert.True(s.PValue < 0.005 && s.FalseDiscoveryRate < 0.01 && s.QValue < 0.15 && Math.Abs(s.NormalizedScore) > 2, s.ToString());
        // p-values of random sets are uniform: their mean is 1/2 within five standard errors of 1 / sqrt(12 n).
        double[] p = [.. found.Sets.Where(s => s.Name.StartsWith("random", StringComparison.Ordinal)).Select(s => s.PValue)];
        Assert.InRange(p.Average(), 0.5 - 5 / Math.Sqrt(12 * 120), 0.5 + 5 / Math.Sqrt(12 * 120));
        Assert.All(found.Sets, s => Assert.InRange(s.PValue, 1.0 / 1001, 1));
        var again = PreRankedEnrichment.Of([.. genes.Reverse()], [.. metric.Reverse()], [.. sets.AsEnumerable().Reverse()], "r", new EnrichmentOptions { Permutations = 1000, Seed = 5 }, threads: 3);
        Assert.Equal(found.Sets.Select(s => (s.Name, s.Score, s.PValue, s.NormalizedScore)), again.Sets.Select(s => (s.Name, s.Score, s.PValue, s.NormalizedScore)));
    }

    [Fact]
    public void Rankings_that_cannot_be_used_are_refused()
    {
        GeneSet[] sets = [new("s", ["a", "b"])];
        Message(["a", "a", "b"], [1, 2, 3], "'a' is ranked twice");
        Message(["a", "b", "c"], [1, double.PositiveInfinity, 3], "gene 'b'");
        Message(["a", "b", "c"], [1, 2, 3], "(the fullest has 2)");
        Assert.Contains("'r.csv'", Message(["x", "y"], [1, 2], "no gene of any gene set"), StringComparison.Ordinal);
        string Message(string[] genes, double[] metric, string because)
        {
            string message = Assert.Throws<InputException>(() => PreRankedEnrichment.Of(genes, metric, sets, "r.csv")).Message;
            Assert.Contains(because, message, StringComparison.Ordinal);
            return message;
        }
    }

    [ToolFact("sklearn")] // for SciPy
    public void Over_representation_is_the_hypergeometric_tail()
    {
        (int Overlap, int Drawn, int Marked, int All)[] cases = [(3, 10, 20, 100), (0, 10, 20, 100), (10, 10, 20, 100), (40, 200, 500, 20000), (90, 200, 500, 20000), (2, 200, 500, 20000), (5, 200, 500, 20000), (150, 160, 180, 200), (145, 160, 180, 200)];
        var expected = Samples.Python("""
            from scipy.stats import hypergeom
            print(json.dumps([float(hypergeom.sf(k - 1, n, m, d)) for k, d, m, n in json.loads(sys.argv[1])]))
            """, "[" + string.Join(",", cases.Select(c => $"[{c.Overlap},{c.Drawn},{c.Marked},{c.All}]")) + "]").Numbers();
        for (int i = 0; i < cases.Length; i++)
        {
            var (overlap, drawn, marked, all) = cases[i];
            string[] background = [.. Enumerable.Range(0, all).Select(g => $"G{g}")];
            string[] chosen = [.. background.Take(overlap), .. background.Skip(marked).Take(drawn - overlap)];
            var found = Assert.Single(OverRepresentation.Of(chosen, background, [new GeneSet("s", background[..marked])], "x"));
            Close.To(expected[i], found.PValue, 1e-9, $"case {i}");
            Assert.Equal((marked, overlap), (found.Size, found.Overlap));
            Close.To(overlap / ((double)drawn * marked / all), found.FoldEnrichment, 1e-12);
        }
        Assert.Contains("'Z'", Assert.Throws<InputException>(() => OverRepresentation.Of(["Z"], ["A", "B"], [new GeneSet("s", ["A"])], "x")).Message, StringComparison.Ordinal);
    }
}
