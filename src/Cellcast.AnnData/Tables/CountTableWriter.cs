namespace Cellcast.AnnData.Tables;

/// <summary>Writes a matrix as a table of numbers with names on both sides.</summary>
public static class CountTableWriter
{
    /// <summary>Writes X or a layer as csv, or tsv if the name says so, compressed if it ends in <c>.gz</c>. Names and numbers only.</summary>
    /// <param name="path">Target; appears whole or not at all.</param>
    /// <param name="data">What to write.</param>
    /// <param name="orientation">Genes in rows (the habit for patients and samples) when left to detect.</param>
    /// <param name="layer">Layer to write; null for X.</param>
    /// <exception cref="OutputException">The file could not be written.</exception>
    public static void Write(string path, AnnotatedData data, TableOrientation orientation = TableOrientation.Detect, string? layer = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        bool genesInRows = orientation != TableOrientation.SamplesInRows;
        var samplesByGenes = data.MatrixOf(layer).ToSparse();
        var x = genesInRows ? samplesByGenes.Transpose() : samplesByGenes;
        string[] rows = genesInRows ? data.Var.Index : data.Obs.Index, columns = genesInRows ? data.Obs.Index : data.Var.Index;
        char delimiter = CsvFile.DelimiterOf(path);
        CsvFile.WriteText(path, w =>
        {
            CsvFile.WriteRecord(w, delimiter, columns.Length + 1, c => c == 0 ? genesInRows ? "gene" : "sample" : columns[c - 1]);
            var line = new float[columns.Length];
            for (int r = 0; r < rows.Length; r++)
            {
                Array.Clear(line);
                var at = x.RowIndices(r);
                var values = x.RowValues(r);
                for (int k = 0; k < at.Length; k++) line[at[k]] = values[k];
                string name = rows[r];
                CsvFile.WriteRecord(w, delimiter, columns.Length + 1, c => c == 0 ? name : CsvFile.Text(line[c - 1]));
            }
        });
    }
}
