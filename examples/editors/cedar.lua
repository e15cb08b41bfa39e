-- Neovim 0.11 or later: Cedar's language server, with the schema of the policies folder.
-- Put this into your configuration; docs/editors.md says how to get the server.
vim.filetype.add({ extension = { cedar = "cedar", cedarschema = "cedarschema" } })

vim.lsp.config("cedar", {
  cmd = { "cedar-language-server" },
  filetypes = { "cedar", "cedarschema" },
  root_markers = { "manifest.toml", ".git" },
  on_attach = function(client, buffer)
    local schema = vim.fs.find(".zonegate/schema.cedarschema", {
      path = vim.api.nvim_buf_get_name(buffer),
      upward = true,
    })[1]
    if schema then
      client:exec_cmd({
        title = "schema",
        command = "cedar.associateSchema",
        arguments = {
          { document_uri = vim.uri_from_bufnr(buffer), schema_uri = vim.uri_from_fname(schema) },
        },
      }, { bufnr = buffer })
    end
  end,
})
vim.lsp.enable("cedar")
