namespace Cellcast.AnnData.Tests;

public class GeneNamesTests
{
    [Theory]
    [InlineData(GeneNameKind.Symbol, "TP53", "EGFR", "HLA-A", "MT-CO1", "C1orf112")]
    [InlineData(GeneNameKind.MouseSymbol, "Trp53", "Egfr", "Gm1992", "mt-Co1")]
    [InlineData(GeneNameKind.Ensembl, "ENSG00000141510", "ENSG00000146648", "TP53")]
    [InlineData(GeneNameKind.Ensembl, "ENSMUSG00000059552", "ENSMUSG00000020122")]
    [InlineData(GeneNameKind.EnsemblWithVersion, "ENSG00000141510.18", "ENSG00000146648.20")]
    [InlineData(GeneNameKind.Number, "7157", "1956")]
    public void The_kind_of_names_is_recognised(GeneNameKind kind, params string[] names) => Assert.Equal(kind, GeneNames.Detect(names));

    [Fact]
    public void Shared_genes_come_sorted_with_their_places()
    {
        var a = GeneNames.Align(new GeneList("a", ["TP53", "EGFR", "PTEN", "X"]), new GeneList("b", ["PTEN", "Y", "TP53"]));
        Assert.Equal(["PTEN", "TP53"], a.Names);
        Assert.Equal([2, 0], a.Positions[0]);
        Assert.Equal([0, 2], a.Positions[1]);
    }

    [Theory]
    [InlineData("ENSG00000141510", "TP53", "Ensembl identifiers such as ENSG00000141510", "symbols such as TP53")]
    [InlineData("ENSG00000141510.18", "ENSG00000141510", "remove the versions", "with versions")]
    [InlineData("Trp53", "TP53", "species", "mouse spelling")]
    [InlineData("7157", "TP53", "numbers such as 7157", "translate")]
    [InlineData("EGFR", "TP53", "'cells.h5ad'", "'bulk.h5ad'")]
    public void Where_nothing_is_shared_the_message_says_why(string first, string second, string part, string otherPart)
    {
        string message = Assert.Throws<InputException>(() => GeneNames.Align(new GeneList("cells.h5ad", [first]), new GeneList("bulk.h5ad", [second]))).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.Contains(otherPart, message, StringComparison.Ordinal);
        Assert.StartsWith("no gene is shared", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shared_name_that_occurs_twice_is_refused_and_an_unshared_one_is_not()
    {
        string message = Assert.Throws<InputException>(() => GeneNames.Align(new GeneList("a", ["TP53", "EGFR", "TP53"]), new GeneList("b", ["TP53", "EGFR"]))).Message;
        Assert.Contains("'a': 1 gene name occurs more than once in var ('TP53')", message, StringComparison.Ordinal);
        Assert.Equal(["EGFR"], GeneNames.Align(new GeneList("a", ["TP53", "EGFR", "TP53"]), new GeneList("b", ["EGFR"])).Names);
    }

    [Fact]
    public void Versions_are_taken_from_Ensembl_names_only()
    {
        Assert.Equal("ENSG00000141510", GeneNames.WithoutVersion("ENSG00000141510.18"));
        Assert.Equal("AC012345.1", GeneNames.WithoutVersion("AC012345.1"));
    }

    [Fact]
    public void Repeated_names_are_listed()
    {
        var index = new NameIndex(["a", "b", "a", "c", "b", "a"]);
        Assert.Equal(["a", "b"], index.Duplicates);
        Assert.Equal((0, 3, -1), (index["a"], index["c"], index["zz"]));
        Assert.Contains("2 cell names occur more than once ('a', 'b')", Assert.Throws<InputException>(() => index.RequireUnique("x.h5ad", "cell")).Message, StringComparison.Ordinal);
    }
}
