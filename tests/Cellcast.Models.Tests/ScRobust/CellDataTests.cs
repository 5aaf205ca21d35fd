using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>From files to tokens: what is detected, how files are combined, which genes a cell's tokens are.</summary>
public sealed class CellDataTests
{
    private readonly Listener _heard = new();

    [Fact]
    public void Counts_are_scaled_to_ten_thousand_and_logged()
    {
        var cells = Normalized(Data(["A", "B", "C"], [[1, 3, 0], [0, 2, 8]]));
        Assert.Equal(Math.Log(1 + 2500), cells.Values[0, 0], 4);
        Assert.Equal(Math.Log(1 + 7500), cells.Values[0, 1], 4);
        Assert.Equal(2, cells.Values.RowIndices(0).Length);
        Assert.Contains(_heard.Texts, t => t.Contains("raw counts", StringComparison.Ordinal) && t.Contains("scaled to 10000", StringComparison.Ordinal));
    }

    [Fact]
    public void Values_that_are_log_normalised_already_stay_as_they_are()
    {
        float[][] logged = [[MathF.Log(2501), MathF.Log(7501), 0], [0, MathF.Log(2001), MathF.Log(8001)]];
        var cells = Normalized(Data(["A", "B", "C"], logged));
        Assert.Equal(logged[0][0], cells.Values[0, 0]);
        Assert.Equal(logged[1][2], cells.Values[1, 2]);
        Assert.Contains(_heard.Texts, t => t.Contains("as they are", StringComparison.Ordinal));
    }

    [Fact]
    public void Values_logged_after_another_total_are_scaled_again()
    {
        float[][] logged = [[MathF.Log(1 + 25f), MathF.Log(1 + 75f), 0], [0, MathF.Log(1 + 20f), MathF.Log(1 + 80f)]];
        var cells = Normalized(Data(["A", "B", "C"], logged));
        Assert.Equal(Math.Log(1 + 2500), cells.Values[0, 0], 4);
        Assert.Equal(Math.Log(1 + 8000), cells.Values[1, 2], 4);
    }

    [Fact]
    public void Scaled_values_are_refused_in_one_sentence_that_names_the_file()
    {
        var e = Assert.Throws<InputException>(() => Normalized(Data(["A", "B"], [[-1, 0.5f], [1, 0.1f]])));
        Assert.Contains("toy.h5ad", e.Message, StringComparison.Ordinal);
        Assert.Contains("below zero", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Orthologues_written_in_lower_case_meet_in_upper_case_and_are_added_up()
    {
        var cells = Normalized(Data(["Actb", "ACTB", "Gapdh"], [[1, 1, 2], [4, 0, 4]]), upperCase: true);
        Assert.Equal(["ACTB", "GAPDH"], cells.Genes);
        Assert.Equal(Math.Log(1 + 5000), cells.Values[0, 0], 4);
    }

    [Fact]
    public void Files_share_one_vocabulary_of_the_genes_that_are_expressed()
    {
        NormalizedCells[] files = [Normalized(Data(["B", "A", "never"], [[1, 2, 0]])), Normalized(Data(["C", "A"], [[5, 1], [1, 0]]))];
        var vocabulary = GeneVocabulary.Of(files);
        Assert.Equal(["A", "B", "C"], vocabulary.Genes);
        Assert.Equal((5, 7, -1, 8), (vocabulary.IdOf("A"), vocabulary.IdOf("C"), vocabulary.IdOf("never"), vocabulary.Count));
        var cells = CellSet.From(files, vocabulary, _heard);
        Assert.Equal(3, cells.Count);
        Assert.Equal([5, 6], cells.GenesOf(0).ToArray());
        Assert.Equal([5, 7], cells.GenesOf(1).ToArray());
    }

    [Fact]
    public void Files_without_a_common_gene_are_refused_and_the_kinds_of_names_are_said()
    {
        NormalizedCells[] files = [Normalized(Data(["ACTB", "GAPDH"], [[1, 2]])), Normalized(Data(["ENSG00000075624", "ENSG00000111640"], [[1, 2]]))];
        var e = Assert.Throws<InputException>(() => GeneVocabulary.Of(files));
        Assert.Contains("no gene in common", e.Message, StringComparison.Ordinal);
        Assert.Contains("Ensembl", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Relative_values_have_mean_one_and_do_not_tell_how_deeply_a_cell_was_sequenced()
    {
        var relative = new CellPreprocessing { RelativeValues = true };
        NormalizedCells[] files = [NormalizedCells.From(Data(["A", "B", "C"], [[1, 2, 3], [1, 1, 0], [7, 7, 0]]), relative, _heard)];
        var cells = CellSet.From(files, GeneVocabulary.Of(files), _heard);
        Assert.Equal(1, cells.ValuesOf(0).ToArray().Average(), 1e-6);
        Assert.Equal(cells.ValuesOf(1).ToArray(), cells.ValuesOf(2).ToArray());
        for (int g = 0; g < 3; g++) Assert.Equal(files[0].Values.RowValues(0)[g], cells.ValuesOf(0)[g] * cells.ScaleOf(0), 1e-5);
        Assert.Equal(cells.ScaleOf(0), cells.In(GeneOrder.Of(GeneRanking.Hug, cells.Vocabulary, GeneStatistics.Of(cells, [0]), RandomKey.From(0, "order"))).ScaleOf(0));
    }

    [Fact]
    public void Presence_is_one_wherever_a_peak_is_open_and_is_said()
    {
        var presence = new CellPreprocessing { Presence = true };
        var peaks = NormalizedCells.From(Data(["chr1:100-200", "chr1:300-400", "chr2:5-9", "chr1:100-200"], [[1, 0, 1, 1], [0, 1, 0, 0]]), presence, _heard);
        Assert.Equal(["chr1:100-200", "chr1:300-400", "chr2:5-9"], peaks.Genes);
        Assert.Equal([0, 2], peaks.Values.RowIndices(0).ToArray());
        Assert.Equal([1, 1], peaks.Values.RowValues(0).ToArray());
        Assert.Contains(_heard.Texts, t => t.Contains("neither scaled nor logged", StringComparison.Ordinal));
        var counts = NormalizedCells.From(Data(["P", "Q"], [[4, 0], [2, 9]]), presence, _heard);
        Assert.Equal([1, 1], counts.Values.RowValues(1).ToArray());
        Assert.Contains(_heard.Texts, t => t.Contains("every value above 0 is taken as 1", StringComparison.Ordinal));
    }

    [Fact]
    public void Genes_of_new_cells_are_matched_by_name_and_what_does_not_match_is_said()
    {
        var vocabulary = new GeneVocabulary(["A", "B", "C", "D"]);
        var cells = CellSet.From([Normalized(Data(["C", "X", "A"], [[1, 1, 2]]))], vocabulary, _heard);
        Assert.Equal([5, 7], cells.GenesOf(0).ToArray());
        // The total is that of the cell, with the genes that the model does not know.
        Assert.Equal(Math.Log(1 + 5000), cells.ValuesOf(0)[0], 4);
        Assert.Contains(_heard.Texts, t => t.Contains("2 of the 4 genes", StringComparison.Ordinal) && t.Contains("1 genes of the file", StringComparison.Ordinal));
    }

    [Fact]
    public void Rare_genes_come_first_and_ties_are_broken_by_name_whatever_the_order_of_columns()
    {
        float[][] counts = [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 0]];
        var order = Order(["D", "B", "A", "C"], counts, GeneRanking.Hug, rows: [0, 1, 2]);
        Assert.Equal(["A", "B", "C", "D"], order);
        Assert.Equal(["C", "A", "B", "D"], Order(["D", "B", "A", "C"], [[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0]], GeneRanking.Hug, rows: [0, 1, 2]));
    }

    [Fact]
    public void The_order_depends_on_the_chosen_cells_only()
    {
        float[][] counts = [[1, 1, 0], [1, 1, 0], [0, 1, 9], [0, 1, 9], [0, 1, 9]];
        Assert.Equal(["C", "A", "B"], Order(["A", "B", "C"], counts, GeneRanking.Hug, rows: [0, 1]));
        Assert.Equal(["A", "C", "B"], Order(["A", "B", "C"], counts, GeneRanking.Hug, rows: [0, 1, 2, 3, 4]));
    }

    [Fact]
    public void The_most_variable_genes_come_first()
    {
        Assert.Equal("B", Order(["A", "B", "C"], [[5, 0, 5], [5, 90, 5], [5, 0, 5]], GeneRanking.Hvg, rows: [0, 1, 2])[0]);
    }

    [Fact]
    public void A_cell_gives_its_first_genes_in_the_order_and_published_padding_fills_up_with_mask_tokens()
    {
        NormalizedCells[] files = [Normalized(Data(["A", "B", "C"], [[1, 2, 3], [1, 0, 1], [0, 1, 0]]))];
        var cells = CellSet.From(files, GeneVocabulary.Of(files), _heard);
        var ordered = cells.In(GeneOrder.Of(GeneRanking.Hug, cells.Vocabulary, GeneStatistics.Of(cells, [0, 2]), RandomKey.From(0, "order")));
        var batch = new TokenBatch();
        CellTokenizer.Append(batch, ordered, 0, 2, Padding.Masked);
        CellTokenizer.Append(batch, ordered, 2, 2, Padding.Masked);
        CellTokenizer.Append(batch, ordered, 2, 2, Padding.Published);
        Assert.Equal([1, 5, 7, 1, 6, 1, 6, 4], batch.Genes.ToArray());
        Assert.Equal([0, 3, 5, 8], batch.Offsets.ToArray());
        Assert.Equal(1, batch.Values[0]);
        Assert.Equal(0, batch.Values[7]);
        Assert.Equal(cells.ValuesOf(0)[2], batch.Values[2]);
    }

    [Fact]
    public void Views_are_uniform_draws_with_replacement_from_the_expressed_genes_and_the_cell_token()
    {
        NormalizedCells[] files = [Normalized(Data(["A", "B", "C", "D"], [[1, 2, 3, 0], [1, 1, 1, 1]]))];
        var cells = CellSet.From(files, GeneVocabulary.Of(files), _heard);
        var batch = new TokenBatch();
        CellTokenizer.AppendView(batch, cells, 0, 8000, RandomKey.From(5, "view"));
        Assert.Equal(8001, batch.Tokens);
        var counts = batch.Genes[1..].ToArray().GroupBy(g => g).ToDictionary(g => g.Key, g => g.Count());
        Assert.Equal([1, 5, 6, 7], counts.Keys.Order());
        Assert.All(counts.Values, n => Assert.InRange(n, 1850, 2150));
        for (int t = 1; t < batch.Tokens; t++)
            Assert.Equal(batch.Genes[t] == 1 ? 1 : cells.ValuesOf(0)[batch.Genes[t] - 5], batch.Values[t]);
        var again = new TokenBatch();
        CellTokenizer.AppendView(again, cells, 0, 8000, RandomKey.From(5, "view"));
        Assert.Equal(batch.Genes.ToArray(), again.Genes.ToArray());
    }

    private string[] Order(string[] genes, float[][] counts, GeneRanking ranking, int[] rows)
    {
        NormalizedCells[] files = [Normalized(Data(genes, counts))];
        var cells = CellSet.From(files, GeneVocabulary.Of(files), _heard);
        var order = GeneOrder.Of(ranking, cells.Vocabulary, GeneStatistics.Of(cells, rows), RandomKey.From(0, "order"));
        return [.. Enumerable.Range(0, genes.Length).Select(r => cells.Vocabulary.Genes[order.GeneAt(r) - GeneVocabulary.FirstGene])];
    }

    private NormalizedCells Normalized(AnnotatedData data, bool upperCase = false) => NormalizedCells.From(data, new CellPreprocessing { UpperCase = upperCase }, _heard);

    private static AnnotatedData Data(string[] genes, float[][] rows) =>
        new(new DataFrame([.. rows.Select((_, i) => "cell" + i)]), new DataFrame(genes), SparseMatrix.FromDense(rows.Length, genes.Length, [.. rows.SelectMany(r => r)])) { Source = "toy.h5ad" };

    private sealed class Listener : ITrainingProgress
    {
        public List<string> Texts { get; } = [];

        public void Report(in TrainingUpdate update)
        {
        }

        public void StageDone(string stage, int epochs, string outcome)
        {
        }

        public void Message(string text) => Texts.Add(text);

        public void Warning(string text) => Texts.Add(text);
    }
}
